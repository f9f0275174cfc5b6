import type { Finding } from '../../shared/result.js';
import type { PatchedFile } from '../types.js';

/** A macro without parameters that is a number, or an expression of some. */
const definition = /^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([\w \t()+\-*/<>|&~^]*\d[\w \t()+\-*/<>|&~^]*)$/;

/**
 * Macros that stand for another number with the patch. As an initial value, a layout or an enumerator would be refused
 * when it changes; what stands for a value in the objects of the running kernel cannot be told from what does not.
 */
export function constantFindings(files: readonly PatchedFile[]): Finding[] {
  return files.flatMap(({ path, original, patched }) => {
    const before = constantsIn(original);
    return [...constantsIn(patched)].flatMap(([name, { value, line }]): Finding[] => {
      const from = before.get(name)?.value;
      if (from === undefined || from === value) return [];
      return [
        {
          code: 'constant-changed',
          severity: 'warning',
          message: messageOf(name, value, from),
          file: path,
          line,
        },
      ];
    });
  });
}

/**
 * The same of enumerators that say how many others there are: memory of the running kernel was made for the old number.
 * @param counts of all units; the same one may come from several
 */
export function countFindings(
  files: readonly PatchedFile[],
  counts: readonly { name: string; from: string; to: string }[],
): Finding[] {
  const byName = new Map(counts.map((one) => [one.name, one]));
  return [...byName.values()].map(({ name, from, to }): Finding => {
    const word = new RegExp(`\\b${name}\\b`);
    const places = files.map(({ path, patched }) => ({
      file: path,
      line: patched.split('\n').findIndex((text) => word.test(text)) + 1,
    }));
    return {
      code: 'constant-changed',
      severity: 'warning',
      message: messageOf(name, to, from),
      ...places.find(({ line }) => line > 0),
    };
  });
}

function messageOf(name: string, value: string, from: string): string {
  return `${name} stands for ${value} with the patch, and for ${from} in what the running kernel holds already`;
}

/** Name to value, without those that are defined more than once. */
function constantsIn(text: string): Map<string, { value: string; line: number }> {
  const found = new Map<string, { value: string; line: number }>();
  const twice = new Set<string>();
  text.split('\n').forEach((written, i) => {
    const code = written.replace(/\/\*.*?\*\/|\/\/.*|\/\*.*/g, ' ').trimEnd();
    const [, name = '', value = ''] = definition.exec(code) ?? [];
    if (name === '') return;
    if (found.has(name)) twice.add(name);
    found.set(name, { value: value.trim().replace(/\s+/g, ' '), line: i + 1 });
  });
  for (const name of twice) found.delete(name);
  return found;
}

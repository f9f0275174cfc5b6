import type { Graph, TouchedDefinition } from '../../shared/graph.js';
import type { Finding } from '../../shared/result.js';
import type { PatchedFile, TranslationUnit } from '../types.js';

/** What to say of a function with an outcome, to go before or behind the names. */
const words: Partial<Record<TouchedDefinition['outcome'], (names: string) => string>> = {
  unchanged: (names) => `the code is the same of ${names}`,
  unused: (names) => `no code of the kernel is made of ${names}`,
  'not-built': (names) => `this configuration does not build ${names}`,
};

const generally =
  'comments, white space, code that this configuration does not build, or other words for the same code';

/**
 * A note for each file of the patch that makes no difference to the code of the objects that read it.
 * @param compared the objects that were compared
 * @param changed those of them that differ
 */
export function unchangedFiles(
  files: readonly PatchedFile[],
  compared: readonly TranslationUnit[],
  changed: readonly TranslationUnit[],
  touched: Graph['touched'],
): Finding[] {
  const reads = (file: PatchedFile) => (unit: TranslationUnit) =>
    unit.source === file.path || unit.dependencies.includes(file.path);
  return files.flatMap((file): Finding[] => {
    if (changed.some(reads(file))) return [];
    const object = compared.find(({ source }) => source === file.path)?.object;
    const line = file.changed[0]?.from;
    const where = object === undefined ? 'any object of this kernel' : object;
    return [
      {
        code: 'no-effect',
        severity: 'note',
        message: `the change to ${file.path} makes no difference in ${where}: ${why(file, touched)}`,
        file: file.path,
        ...(object === undefined ? {} : { object }),
        ...(line === undefined ? {} : { line }),
      },
    ];
  });
}

function why(file: PatchedFile, touched: Graph['touched']): string {
  const functions = touched.filter((t) => t.kind === 'function' && t.source.file === file.path);
  const said = Object.entries(words).flatMap(([outcome, say]) => {
    const names = functions.filter((t) => t.outcome === outcome).map(({ name }) => name);
    return names.length === 0 ? [] : [say(names.join(', '))];
  });
  return said.length === 0 ? generally : said.join('; ');
}

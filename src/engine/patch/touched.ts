import type { PatchedFile, TranslationUnit } from '../types.js';

/** A function, variable or macro definition of a source file that a patch touches. */
export interface Touched {
  name: string;
  /** First changed line in it, in the patched file, 1-based. */
  line: number;
  /** It is a `#define`. */
  macro?: true;
  /** It has a body: a `{` follows its parameters. */
  function?: true;
}

/** The patched files that a unit is compiled from: its own source first, then C files that it includes, then headers. */
export function filesOf(unit: TranslationUnit, files: readonly PatchedFile[]): PatchedFile[] {
  const rank = ({ path }: PatchedFile): number => (path === unit.source ? 0 : path.endsWith('.c') ? 1 : 2);
  return files
    .filter((f) => f.path === unit.source || unit.dependencies.includes(f.path))
    .sort((a, b) => rank(a) - rank(b));
}

/**
 * The definitions that hold the changed lines, for the report: what the patch's author changed, as opposed to what
 * the compiler made of it. Goes by layout as `diff -p` does: a definition starts at a line without indentation.
 */
export function touchedDefinitions(file: PatchedFile): Touched[] {
  const lines = file.patched.split('\n');
  const found = new Map<string, Touched>();
  for (const range of file.changed) {
    for (let n = range.from; n <= Math.max(range.to, range.from); n += 1) {
      const macro = macroAt(lines, n - 1);
      if (macro !== undefined) {
        if (!found.has(macro)) found.set(macro, { name: macro, line: n, macro: true });
        continue;
      }
      const definition = enclosing(lines, n - 1);
      if (definition !== undefined && !found.has(definition.name))
        found.set(definition.name, { ...definition, line: n });
    }
  }
  return [...found.values()];
}

/** Names of the functions whose text changes in any of the files. */
export function touchedFunctions(files: readonly PatchedFile[]): string[] {
  const touched = files.flatMap((file) => touchedDefinitions(file));
  return [...new Set(touched.filter((t) => t.function === true).map(({ name }) => name))];
}

/** Changed lines (in the patched file) that lie in the definition of a structure or union. */
export function aggregatesTouched(file: PatchedFile): number[] {
  const lines = file.patched.split('\n');
  return file.changed
    .map((range) => range.from)
    .filter((line) => {
      // A pure deletion stands before its line: the definition may end there.
      const start = Math.min(line - 1, lines.length - 1);
      for (let i = start; i >= 0; i -= 1) {
        const text = lines[i] ?? '';
        if (i < start && /^\}/.test(text)) return false;
        if (/^(?:typedef\s+)?(?:struct|union)\b[^;()=]*\{/.test(text)) return true;
        if (/^[A-Za-z_][^:]*$/.test(text) && !/^(?:typedef\s+)?(?:struct|union)\b[^;()=]*$/.test(text))
          return false;
      }
      return false;
    });
}

/** The macro whose `#define` a line is part of. */
function macroAt(lines: string[], index: number): string | undefined {
  let first = index;
  while (first > 0 && lines[first - 1]?.endsWith('\\')) first -= 1;
  return /^\s*#\s*define\s+(\w+)/.exec(lines[first] ?? '')?.[1];
}

function enclosing(lines: string[], index: number): Omit<Touched, 'line'> | undefined {
  for (let i = index; i >= 0; i -= 1) {
    const line = lines[i] ?? '';
    if (macroAt(lines, i) !== undefined) continue;
    // A definition or declaration of one line, or the end of a longer one, stands before the changed line.
    if (i < index && (/^\}/.test(line) || /^[A-Za-z_].*;\s*(?:\/\*.*)?$/.test(line))) return undefined;
    if (!/^[A-Za-z_]/.test(line) || /^[A-Za-z_]\w*:\s*(?:\/\*.*)?$/.test(line)) continue;
    const head = lines.slice(i, Math.min(i + 8, lines.length)).join(' ');
    const [, compat, syscall] = /^(COMPAT_)?SYSCALL_DEFINE\d\(\s*(\w+)/.exec(head) ?? [];
    if (syscall !== undefined)
      return { name: `${compat === undefined ? '' : 'compat_'}sys_${syscall}`, function: true };
    const name = definedName(head);
    if (name === undefined) return undefined;
    return { name, ...(hasBody(head) ? { function: true } : {}) };
  }
  return undefined;
}

/** Do parameters and a body follow, before anything ends the declaration? */
function hasBody(head: string): boolean {
  return /^[^;={}]*\([^;={}]*\)[^;={}()]*\{/.test(head);
}

/** What may stand behind a variable's name and says where it is placed. */
const placement =
  /\b__(?:read_mostly|ro_after_init|initdata|initconst|refdata|maybe_unused|used|cacheline_aligned\w*)\b/g;

function definedName(head: string): string | undefined {
  const open = head.search(/[({=;]/);
  if (open < 0) return undefined;
  if (head[open] === '(') {
    const attribute =
      /\b__(?:attribute__|releases|acquires|must_hold|printf|scanf|section|aligned|alloc_size)\s*$/.test(
        head.slice(0, open),
      );
    if (!attribute) return /(\w+)\s*$/.exec(head.slice(0, open))?.[1];
    return /(\w+)\s*\(/.exec(head.slice(open))?.[1];
  }
  const declared = head.slice(0, open).replace(placement, ' ');
  return /(\w+)\s*(?:\[[^\]]*\]\s*)*$/.exec(declared)?.[1];
}

/** The patched file's line that most likely made a change to `name`: where it stands in or above a changed range. */
export function lineOf(file: PatchedFile | undefined, name: string): number | undefined {
  if (!file) return undefined;
  const hit = touchedDefinitions(file).find((t) => t.name === name || name === `__se_${t.name}`);
  if (hit) return hit.line;
  const lines = file.patched.split('\n');
  const word = new RegExp(`\\b${name.replace(/\W/g, '\\$&')}\\b`);
  for (const range of file.changed) {
    for (let n = Math.max(range.to, range.from); n >= Math.max(1, range.from - 200); n -= 1) {
      if (word.test(lines[n - 1] ?? '')) return n < range.from ? range.from : n;
    }
  }
  return file.changed[0]?.from;
}

/** Where the patch changes `name` for a unit: in its own file, in a header that names it, else in one that it reads. */
export function placeFor(
  unit: TranslationUnit,
  files: readonly PatchedFile[],
  name: string,
): { file: string; line?: number; object: string } {
  const read = filesOf(unit, files);
  const own = read.find(({ path }) => path === unit.source);
  const file = own ?? read.find(({ patched }) => patched.includes(name)) ?? read[0];
  const line = lineOf(file, name);
  return {
    file: file?.path ?? unit.source,
    object: unit.object,
    ...(line === undefined ? {} : { line }),
  };
}

/** The head of a function's definition in C text, blanks reduced; undefined when it is not written out. */
export function headOf(text: string, name: string): string | undefined {
  const head = new RegExp(String.raw`^[A-Za-z_][^;{}#()]*\b${name}\s*\([^;{}#]*\)[^;{}#()]*\{`, 'm').exec(
    text,
  );
  return head?.[0].replace(/\s+/g, ' ');
}

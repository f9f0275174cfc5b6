import { diffArrays } from 'diff';
import { baseName } from '../ir/canonical.js';
import { callCheckNames } from '../ir/instrumentation.js';

/** Lines of file-level assembly that one of two files alone has at their place. */
export interface AssemblyDiff {
  added: string[];
  removed: string[];
}

/**
 * Sections of records that stand for themselves, whatever their order among those of the file: exports, initcalls (which
 * have run), trace points, trampolines of static calls (include/linux/{export,init,tracepoint,static_call}.h).
 */
const record =
  /^\.(?:push)?section\s+"?(?:\.export_symbol|\.(?:con_)?initcall\w*\.init|__tracepoints_ptrs|_{2,3}k(?:symtab|crctab)[^"]*|\.static_call[\w.]*)(?![\w.])/;

const directive = /(?:^|;)\s*\.(pushsection|popsection|section|previous|subsection|text|data|bss)(?![\w.])/g;

/**
 * Compares the assembly of two files. What it assembles to depends on the order of its lines; only records may stand
 * elsewhere, each as a whole, for a function may move with its EXPORT_SYMBOL.
 * @param original lines as IrModule has them
 */
export function compareAssembly(original: readonly string[], patched: readonly string[]): AssemblyDiff {
  const [a, b] = [takeApart(original), takeApart(patched)];
  const found: AssemblyDiff = { added: [], removed: [] };
  for (const changes of [diffArrays(a.text, b.text), diffArrays(a.records.sort(), b.records.sort())]) {
    for (const { added, removed, value } of changes) {
      const lines = value.flatMap((one) => one.split('\n'));
      if (added) found.added.push(...lines);
      if (removed) found.removed.push(...lines);
    }
  }
  return found;
}

/** A file's records, each with its lines, and the lines around them; without counters in names. */
function takeApart(lines: readonly string[]): { text: string[]; records: string[] } {
  const found: { text: string[]; records: string[] } = { text: [], records: [] };
  const stable = lines
    .filter((line) => !callCheckNames.test(line))
    .map((line) => baseName(readable(line).replace(/(__UNIQUE_ID_\w*?)\d+/g, '$1')))
    .filter((line) => line !== '');
  for (let i = 0; i < stable.length;) {
    const length = recordAt(stable, i);
    if (length > 0) found.records.push(stable.slice(i, i + length).join('\n'));
    else found.text.push(stable[i] ?? '');
    i += Math.max(length, 1);
  }
  return found;
}

/** How many lines the record has that begins at a line; 0 where none does that stands for itself. */
function recordAt(lines: readonly string[], at: number): number {
  if (!record.test(lines[at] ?? '')) return 0;
  let [pushed, switched] = [0, 0];
  for (let i = at; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    for (const [, name] of line.matchAll(directive)) {
      if (name === 'pushsection') pushed += 1;
      else if (name === 'popsection') pushed -= 1;
      else if (name === 'section') switched += 1;
      else if (name === 'previous') switched -= 1;
      else return 0;
      if (pushed < 0 || switched < 0 || switched > 1) return 0;
    }
    if (pushed + switched > 0) continue;
    const ends = /\.(?:popsection|previous)\s*;?$/.test(line);
    return ends && ownLabels(lines.slice(at, i + 1).join('\n')) ? i - at + 1 : 0;
  }
  return 0;
}

/** Are all numbered labels that it refers to (`1b`: the last `1:`) its own? */
function ownLabels(text: string): boolean {
  return [...text.matchAll(/\b(\d+)[bf]\b/g)].every(([, n = '']) =>
    new RegExp(String.raw`(?:^|[\s;])${n}:`).test(text),
  );
}

/** A line of the IR without its quotes, and with LLVM's escapes (`\\`, `\22`) of printable characters undone. */
function readable(line: string): string {
  const text = line.replace(/^"|"$/g, '').replace(/\\(?:\\|([0-9A-Fa-f]{2}))/g, (escape, hex?: string) => {
    const character = hex === undefined ? '\\' : String.fromCharCode(parseInt(hex, 16));
    return /[\t -~]/.test(character) ? character : escape;
  });
  return text.trim();
}

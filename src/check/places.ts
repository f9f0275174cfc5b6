import type { KlpSymbol } from '../shared/result.js';
import { problem, type Row } from './row.js';
import type { Found, NeededSymbol, ProvedBuild, RunningKernel } from './types.js';

/** A symbol, and what each file that knows its object says of its place. */
export interface Looked {
  needed: NeededSymbol;
  answers: { label: string; found: Found }[];
}

/** Looks for symbols in every file that knows their object. */
export function lookUp(symbols: readonly NeededSymbol[], kernel: RunningKernel): Looked[] {
  return symbols.map((needed) => ({
    needed,
    answers: kernel
      .symbolsOf(needed.object)
      .map((source) => ({ label: source.label, found: source.find(needed) })),
  }));
}

/** How many symbols of the name there are; undefined when no file has it in its place. */
export function countOf({ answers }: Looked): number | undefined {
  for (const { found } of answers) if (found.ok) return found.of;
  return undefined;
}

/**
 * Whether every symbol is where the livepatch will have the kernel look.
 * @param proved for which objects the positions hold that were proved when the livepatch was made
 */
export function placesRow(name: string, looked: readonly Looked[], proved: ProvedBuild): Row {
  const problems = looked.flatMap((one) => problemsOf(one, proved));
  const strange = new Set(looked.filter((one) => one.answers.length === 0).map((one) => one.needed.object));
  const bad = looked.filter((one) => problemsOf(one, proved).length > 0).length;
  const seen = looked.filter((one) => one.answers.length > 0);
  const labels = [...new Set(seen.flatMap(({ answers }) => answers.map(({ label }) => label)))].join(', ');
  const good = seen.length - bad;
  const detail =
    looked.length === 0
      ? 'it needs none'
      : `${good} of ${looked.length} in their places${labels === '' ? '' : ` (${labels})`}`;
  return {
    name,
    detail,
    problems,
    open: [...strange].map((object) => ({
      what: `no file tells the symbols of ${describeObject(object)}`,
      advice:
        object === 'vmlinux'
          ? 'Name the vmlinux of the kernel with --vmlinux, or a copy of /proc/kallsyms with --kallsyms.'
          : `Name its .ko with --module, or a copy of /proc/kallsyms made while it was loaded.`,
    })),
  };
}

function problemsOf({ needed, answers }: Looked, proved: ProvedBuild): Row['problems'] {
  const { name, object, sympos } = needed;
  const problems = answers.flatMap(({ label, found }) => {
    if (!found.ok) return [problem(found.code, found.why, { object, advice: otherKernel })];
    if (found.of === 1 || proved(object)) return [];
    const message = `${label} has ${found.of} symbols ${name}, and that number ${sympos} is the right one is proved for the build alone that the livepatch was made for`;
    return [problem('symbol-position-unproved', message, { object, advice: compareBuilds(object) })];
  });
  const counts = answers.flatMap(({ label, found }) => (found.ok ? [{ label, of: found.of }] : []));
  const [first] = counts;
  const other = counts.find(({ of }) => of !== first?.of);
  if (first === undefined || other === undefined) return problems;
  const message = `${first.label} has ${first.of} symbols ${name}, ${other.label} has ${other.of}: they are not of one kernel`;
  return [...problems, problem('symbol-position-differs', message, { object, advice: oneKernel })];
}

function compareBuilds(object: string): string {
  const files =
    object === 'vmlinux' ? '--vmlinux, or --notes with a copy of /sys/kernel/notes' : '--module with its .ko';
  return `Let the builds be compared (${files}), or generate the livepatch for this kernel.`;
}

const oneKernel = 'Name files of one kernel.';

/** What there is to do about a kernel that has not what the livepatch counts on. */
export const otherKernel = 'Generate the livepatch for this kernel.';

/** An object as messages name it. */
export function describeObject(object: string): string {
  return object === 'vmlinux' ? 'the kernel itself' : `module ${object}`;
}

/** The symbols that were found, for the result document. */
export function foundSymbols(looked: readonly Looked[]): KlpSymbol[] {
  return looked.flatMap(({ needed, answers }) => {
    const [first] = answers;
    if (first === undefined || !first.found.ok || answers.some(({ found }) => !found.ok)) return [];
    const { of } = first.found;
    const which = of === 1 ? 'the only one of its name' : `number ${needed.sympos} of ${of}`;
    return [{ ...needed, proof: `${which} in ${answers.map(({ label }) => label).join(', ')}` }];
  });
}

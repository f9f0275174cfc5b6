import { sameBuildDetail } from './identity.js';
import { countOf, describeObject, otherKernel, type Looked } from './places.js';
import { problem, type Row } from './row.js';
import type { ProvedBuild, RunningKernel } from './types.js';

/** What the files say of one function: whether ftrace can enter it, or why that is not known. */
type Verdict =
  | { can: true; labels: string[] }
  | { can: false; labels: string[] }
  | { can: undefined; why: 'not found' | 'no list' | 'ambiguous' };

/**
 * Whether ftrace can enter the functions that are to be patched.
 * @param proved for which objects that holds which was seen when the livepatch was made
 */
export function traceRow(functions: readonly Looked[], kernel: RunningKernel, proved: ProvedBuild): Row {
  const judged = functions.map(({ needed, answers }) => ({
    needed,
    verdict: verdictOf({ needed, answers }, kernel, proved),
  }));
  const problems = judged.flatMap(({ needed: { name, object }, verdict }) => {
    if (verdict.can !== false) return [];
    const message = `${verdict.labels.join(', ')}: ftrace cannot enter ${name}, so it cannot be patched`;
    return [problem('not-traceable', message, { object, function: name, advice: otherKernel })];
  });
  const good = judged.filter(({ verdict }) => verdict.can === true).length;
  const labels = new Set(judged.flatMap(({ verdict }) => (verdict.can === undefined ? [] : verdict.labels)));
  const detail =
    good + problems.length === 0
      ? ''
      : `it can enter ${good} of ${functions.length}${labels.size > 0 ? ` (${[...labels].join(', ')})` : `, ${sameBuildDetail}`}`;
  const objects = [...new Set(functions.map(({ needed }) => needed.object))];
  const open = objects.flatMap((object) => {
    const names = (why: string): string[] =>
      judged.flatMap(({ needed, verdict }) =>
        needed.object === object && verdict.can === undefined && verdict.why === why ? [needed.name] : [],
      );
    return openNames(object, names);
  });
  return { name: 'ftrace', detail, problems, open };
}

function verdictOf(looked: Looked, kernel: RunningKernel, proved: ProvedBuild): Verdict {
  const { needed } = looked;
  const of = countOf(looked);
  if (of === undefined) return { can: undefined, why: looked.answers.length > 0 ? 'not found' : 'no list' };
  const said = kernel
    .tracesOf(needed.object)
    .map(({ label, traceable }) => ({ label, can: traceable(needed, of) }));
  const labels = (can: boolean): string[] => said.filter((s) => s.can === can).map(({ label }) => label);
  if (labels(false).length > 0) return { can: false, labels: labels(false) };
  if (labels(true).length > 0) return { can: true, labels: labels(true) };
  // What was looked at when the livepatch was made holds for the same build, and so for vmlinux.
  if (needed.object === 'vmlinux' && proved('vmlinux')) return { can: true, labels: [] };
  return { can: undefined, why: said.length > 0 ? 'ambiguous' : 'no list' };
}

function openNames(
  object: string,
  names: (why: 'not found' | 'no list' | 'ambiguous') => string[],
): Row['open'] {
  const file =
    object === 'vmlinux' ? 'the vmlinux of the kernel with --vmlinux' : `the .ko of ${object} with --module`;
  const open = (list: string[], what: string, advice: string): Row['open'] =>
    list.length === 0 ? [] : [{ what: `${list.join(', ')} of ${describeObject(object)}: ${what}`, advice }];
  return [
    ...open(names('not found'), 'was not found', otherKernel),
    ...open(
      names('ambiguous'),
      'the list has only some of that name, and does not say which',
      `Name ${file}.`,
    ),
    ...open(
      names('no list'),
      'no file tells',
      `Name ${file}, or a copy of /sys/kernel/tracing/available_filter_functions with --filter-functions.`,
    ),
  ];
}

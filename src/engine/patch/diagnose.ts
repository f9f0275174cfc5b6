import { KlpError } from '../../shared/errors.js';
import { shellLine } from '../../shared/run.js';
import { boundTo, contextOf, positionsOf, sideOf, standsAt, type Placement } from './locate.js';
import type { FilePatch, Hunk } from './parse.js';

interface Failure {
  file: FilePatch;
  /** Path relative to the kernel tree. */
  path: string;
  /** Number of the hunk among the file's, from 1. */
  number: number;
  hunk: Hunk;
  lines: readonly string[];
  placement: Placement & { ok: false };
  delta: number;
  /** The patch of this command that made the hunk's change, if its result stands at this index. */
  madeBy: (at: number) => string | undefined;
}

/** The error for a hunk that has no place: what was expected, what is there, what would help. */
export function explainFailure(failure: Failure): KlpError {
  const { file, path, number, hunk } = failure;
  const { reason, advice } = explain(failure);
  const which = file.hunks.length === 1 ? 'the hunk' : `hunk ${number} of ${file.hunks.length}`;
  return new KlpError(
    'patch-does-not-apply',
    `${which} for ${path} in ${file.patch} does not apply: ${reason}`,
    {
      file: file.patch,
      line: hunk.patchLine,
      advice,
      output: comparison(failure),
    },
  );
}

function explain(failure: Failure): { reason: string; advice: string } {
  const { file, path, hunk, lines, placement } = failure;
  const refresh = refreshAdvice(file, path);
  const done = positionsOf(lines, sideOf(hunk, 'new'));
  if (placement.why === 'absent' || (file.added && hunk.oldLines === 0)) {
    const earlier = done.map(failure.madeBy).find((name) => name !== undefined);
    if (earlier !== undefined) {
      return {
        reason: `an earlier patch of the same command, ${earlier}, has made this change already`,
        advice: 'Give each change once: leave one of the two away.',
      };
    }
  }
  if (placement.why === 'no-context') {
    return {
      reason: 'it has no lines of context, so its place cannot be checked',
      advice: 'Make the patch with context: `git diff -U3` or `diff -up`.',
    };
  }
  if (placement.why === 'ambiguous') {
    return {
      reason: `its lines are not where it says and fit in ${placement.candidates.length} places, at lines ${list(placement.candidates)}`,
      advice: `Say which place is meant. ${refresh}`,
    };
  }
  if (placement.why === 'other-function') {
    return {
      reason: `it is for ${show(hunk.heading)}, and its lines stand in another function alone, at line ${list(placement.candidates)}`,
      advice: `Look whether this kernel has the code that the change is for. ${refresh}`,
    };
  }
  const exact = positionsOf(lines, sideOf(hunk, 'old'));
  // Where lines are taken away at a hunk's end, what it leaves stands in the file before and after.
  const shrinks = hunk.oldLines > hunk.newLines;
  if (done.length > 0 && !(shrinks && exact.length > 0)) {
    const part = file.hunks.length > 1 ? 'Take this hunk out of the patch' : 'Leave the patch away';
    return {
      reason: `it is applied already: its result stands at line ${list(done)}`,
      advice: `${part}, or give a kernel without the change.`,
    };
  }
  if (exact.length > 0) {
    return { reason: misplaced(hunk, exact, lines.length), advice: refresh };
  }
  const spaces = positionsOf(lines.map(squeeze), sideOf(hunk, 'old').map(squeeze));
  if (spaces.length > 0) {
    return {
      reason: `it fits at line ${list(spaces)} only when white space is ignored (tabs, blanks or line ends were changed)`,
      advice: `Save the patch as it was sent, without converting tabs or line ends. ${refresh}`,
    };
  }
  const fuzz = fuzzy(hunk, lines);
  if (fuzz) {
    return {
      reason: `it would go in at line ${fuzz.at + 1} only with fuzz ${fuzz.level}: code next to the change differs from what the patch expects`,
      advice: `Check that the change still means the same there. ${refresh}`,
    };
  }
  return { reason: 'the lines it expects are nowhere in the file', advice: refresh };
}

/** Why a hunk may not go where its lines stand. */
function misplaced(hunk: Hunk, exact: number[], length: number): string {
  const stands = `its lines stand at line ${list(exact)}`;
  const { start, end } = boundTo(hunk);
  if (end && exact.every((at) => at + hunk.oldLines < length)) {
    const means =
      contextOf(hunk).after === 0
        ? 'it has no context after the change'
        : 'it speaks of a last line without a line end';
    return `${means}, as at the end of a file; ${stands}, but the file goes on there`;
  }
  if (start && !exact.includes(0)) {
    return `it has no context before the change, as at the start of a file; ${stands}, but there are lines before it`;
  }
  if (start || end) return `it has too little context for its place to be checked; ${stands}`;
  return `${stands}, before the place of the hunk that precedes it in the patch`;
}

/** The least number of outer context lines to ignore so that a hunk fits in one place, as GNU patch counts fuzz. */
function fuzzy(hunk: Hunk, lines: readonly string[]): { level: number; at: number } | undefined {
  const old = sideOf(hunk, 'old');
  const { before, after } = contextOf(hunk);
  for (let level = 1; level <= Math.max(before, after); level++) {
    const head = Math.min(level, before);
    const block = old.slice(head, old.length - Math.min(level, after));
    const [at, second] = positionsOf(lines, block);
    if (at !== undefined && second === undefined) return { level, at };
  }
  return undefined;
}

/** Expected and found lines, from the first that differ at the place the hunk names. */
function comparison({ hunk, lines, delta }: Failure): string {
  const old = sideOf(hunk, 'old');
  const at = bestPlace(old, lines, hunk.oldStart - 1 + delta);
  const differs = old.findIndex((line, i) => lines[at + i] !== line);
  if (differs < 0) return '';
  const found = at + differs < lines.length ? show(lines[at + differs]) : '(end of file)';
  return `line ${at + differs + 1}\n  expected: ${show(old[differs])}\n  found:    ${found}`;
}

/** The place near the named one where most lines agree. */
function bestPlace(old: readonly string[], lines: readonly string[], named: number): number {
  const reach = 200;
  let best = { at: Math.max(0, named), score: -1 };
  for (let at = Math.max(0, named - reach); at <= Math.min(lines.length, named + reach); at++) {
    if (standsAt(lines, old, at)) return at;
    const score = old.filter((line, i) => lines[at + i] === line && line.trim() !== '').length;
    const nearer = Math.abs(at - named) < Math.abs(best.at - named);
    if (score > best.score || (score === best.score && nearer)) best = { at, score };
  }
  return best.at;
}

function refreshAdvice(file: FilePatch, path: string): string {
  const apply = shellLine(['patch', '-p1', '-b', '-i', file.patch]);
  return `Refresh it in a copy of this kernel's source: \`${apply}\`, check the result, then \`${shellLine(['diff', '-up', `${path}.orig`, path])} > new.patch\`.`;
}

const squeeze = (line: string): string => line.replace(/\s+/g, ' ').trim();
const show = (line: string | undefined): string => JSON.stringify((line ?? '').replace(/\n$/, ''));

function list(indices: number[]): string {
  const numbers = indices.slice(0, 5).map((i) => String(i + 1));
  return numbers.join(', ') + (indices.length > 5 ? ', …' : '');
}

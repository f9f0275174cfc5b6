import { liesInItsFunction } from './heading.js';
import type { Hunk } from './parse.js';

/** The lines a hunk expects (its context and what it removes), or those it leaves. */
export function sideOf(hunk: Hunk, side: 'old' | 'new'): string[] {
  const other = side === 'old' ? '+' : '-';
  return hunk.lines.filter((line) => line.kind !== other).map((line) => line.text);
}

/** Lines of context before the first and after the last change of a hunk. */
export function contextOf(hunk: Hunk): { before: number; after: number } {
  const before = hunk.lines.findIndex((line) => line.kind !== ' ');
  const after = [...hunk.lines].reverse().findIndex((line) => line.kind !== ' ');
  return { before, after };
}

/**
 * Whether a hunk can only go to the file's start or end. One that starts or ends with a change, with context on the
 * other side, was cut off there by the file's own end; so was one that speaks of a last line without a line end.
 */
export function boundTo(hunk: Hunk): { start: boolean; end: boolean } {
  const { before, after } = contextOf(hunk);
  const bare = before === 0 && after === 0;
  const unended = [sideOf(hunk, 'old'), sideOf(hunk, 'new')].some(
    (side) => side.at(-1)?.endsWith('\n') === false,
  );
  return { start: !bare && before === 0 && hunk.oldStart <= 1, end: unended || (!bare && after === 0) };
}

/** Whether `block` stands in `lines` at index `at`. */
export function standsAt(lines: readonly string[], block: readonly string[], at: number): boolean {
  if (at < 0 || at + block.length > lines.length) return false;
  return block.every((line, i) => lines[at + i] === line);
}

/** Every index from `from` on at which `block` stands in `lines`; none for an empty block. */
export function positionsOf(lines: readonly string[], block: readonly string[], from = 0): number[] {
  const found: number[] = [];
  if (block.length === 0) return found;
  for (let at = from; at + block.length <= lines.length; at++) {
    if (standsAt(lines, block, at)) found.push(at);
  }
  return found;
}

/** Where a hunk goes. `at` is an index into the lines; `offset` how far that is from where it was expected. */
export type Placement =
  | { ok: true; at: number; offset: number }
  | { ok: false; why: 'absent' | 'ambiguous' | 'no-context' | 'other-function'; candidates: number[] };

/**
 * Finds the one place of a hunk: all its old lines, exactly; at the line it names, or else anywhere if there
 * is one such place only. Of several the function that the hunk names decides, and none may be in another.
 * @param lines the file as it is, hunks before this one applied
 * @param from the first index that earlier hunks have not passed
 * @param delta lines that earlier hunks of the same patch added less those they removed
 * @param earlier the hunks of the same patch before this one
 * @param drift offset at which the hunk before was found; when not 0, the named line alone proves nothing
 */
export function locate(
  lines: readonly string[],
  hunk: Hunk,
  { from, delta, drift, earlier }: { from: number; delta: number; drift: number; earlier: readonly Hunk[] },
): Placement {
  const old = sideOf(hunk, 'old');
  // With no old lines, `-N,0` names the line after which the new ones go; otherwise the first old line.
  const named = (hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1) + delta;
  if (old.length === 0) {
    if (lines.length === 0) return { ok: true, at: 0, offset: 0 };
    return { ok: false, why: 'no-context', candidates: [] };
  }
  const context = contextOf(hunk);
  const bare = context.before === 0 && context.after === 0;
  const bound = boundTo(hunk);
  const allowed = (at: number): boolean =>
    at >= from && (!bound.start || at === 0) && (!bound.end || at + old.length === lines.length);

  const candidates = positionsOf(lines, old, from).filter(allowed);
  const fitting = candidates.filter((at) => liesInItsFunction(lines, hunk, at, earlier));
  // A heading is text that somebody may have left as it was: with nothing better, the named line is the place.
  const isNamed = drift === 0 && candidates.includes(named);
  if (isNamed && (fitting.length === 0 || fitting.includes(named))) return { ok: true, at: named, offset: 0 };
  const [only] = fitting;
  if (candidates.length === 0) return { ok: false, why: 'absent', candidates };
  if (only === undefined) return { ok: false, why: 'other-function', candidates };
  if (fitting.length > 1) return { ok: false, why: 'ambiguous', candidates: fitting };
  if (bare && only !== named) return { ok: false, why: 'no-context', candidates };
  return { ok: true, at: only, offset: only - named };
}

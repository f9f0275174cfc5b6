import type { Hunk } from './parse.js';

/** What diff takes for the head of what follows: a line that begins with a letter and is no label (git's `diff=cpp`). */
const head = /^[A-Za-z_$](?!\w*:(?!:))/;

/**
 * The function that a line is the head of, as a hunk's `@@` line names the one that it lies in; of a macro that makes one
 * (`SYSCALL_DEFINE3(read, …`) with its first argument, as much as there is of it. Undefined when the line is none of a
 * function.
 */
function functionHead(line: string): string | undefined {
  if (!head.test(line)) return undefined;
  const [, name, first = ''] = /^[^(;={]*?(\w+)\s*\(\s*(\w*)/.exec(line) ?? [];
  return name !== undefined && /^[A-Z0-9_]+$/.test(name) ? `${name}(${first}` : name;
}

/**
 * Does a hunk, put at a place, lie in the function that it names? Equal lines stand in many functions, and where the right
 * one differs in this kernel they may be found in another alone.
 * @param at an index into the lines
 * @param earlier the hunks of the same file before it, which are in the lines and not in what the hunk was made from
 * @returns true also when that cannot be told
 */
export function liesInItsFunction(
  lines: readonly string[],
  hunk: Hunk,
  at: number,
  earlier: readonly Hunk[],
): boolean {
  const named = functionHead(hunk.heading);
  if (named === undefined) return true;
  // What a hunk shows itself of the place before its change was compared.
  const change = hunk.lines.findIndex(({ kind }) => kind !== ' ');
  if (hunk.lines.slice(0, change).some(({ text }) => head.test(text))) return true;
  const above = lines.slice(0, at).findLast((line) => head.test(line));
  const found = above === undefined ? undefined : functionHead(above);
  if (found === undefined || isSame(named, found)) return true;
  const changed = earlier.flatMap((one) => one.lines.filter(({ kind }) => kind !== ' '));
  return changed.some(({ kind, text }) =>
    kind === '+' ? text === above : isSame(named, functionHead(text) ?? ''),
  );
}

/** Tools cut the line, in the argument of a macro too. */
function isSame(named: string, found: string): boolean {
  return found === named || (named.includes('(') && found.startsWith(named));
}

import type { PatchedFile } from '../types.js';
import { lineScanner, type LineState } from './c-lines.js';
import { diffLines, splitLines } from './lines.js';

/**
 * The patched text with `#line` directives, so that code that did not change keeps the line numbers it has in the
 * original (`__LINE__`, and what is derived from it, would differ otherwise). New lines are numbered on from the
 * line before them. A directive goes to the first safe place after a change: not into a comment, a continued line,
 * or between parentheses, where a macro may be collecting its arguments.
 */
export function align(file: PatchedFile): string {
  return alignLines(file)
    .map((line) => line.text)
    .join('');
}

/**
 * The line of the patched file that stands at a line of the aligned text (counted in the text itself, as
 * `-Xclang -fno-diagnostics-use-presumed-location` makes the compiler do); for a directive the line below it.
 */
export function originalPatchedLine(file: PatchedFile, alignedLine: number): number {
  const lines = alignLines(file);
  const at = Math.min(Math.max(1, alignedLine), Math.max(1, lines.length));
  return lines[at - 1]?.patchedLine ?? 1;
}

interface AlignedLine {
  text: string;
  /** From 1. */
  patchedLine: number;
}

const done = new WeakMap<object, AlignedLine[]>();

function alignLines(file: PatchedFile): AlignedLine[] {
  const known = done.get(file);
  if (known) return known;
  const lines = insertDirectives(file);
  done.set(file, lines);
  return lines;
}

function insertDirectives(file: Pick<PatchedFile, 'original' | 'patched'>): AlignedLine[] {
  const patched = splitLines(file.patched);
  const originals = originalNumbers(splitLines(file.original), patched);
  const scanner = lineScanner();
  const out: AlignedLine[] = [];
  /** The number that the compiler would give the next line. */
  let presumed = 1;
  /** What the file's own `#line` directives add to the place of a line. */
  let shift = 0;
  /** `#if` blocks up to this depth hold a change or a directive, either of which may be in a skipped branch. */
  let doubtful = 0;
  let resync = false;
  patched.forEach((text, i) => {
    const state = scanner.next(text);
    const original = originals[i];
    if (original === undefined || original !== (originals[i - 1] ?? 0) + 1) {
      doubtful = Math.max(doubtful, state.conditionals);
    }
    if (original !== undefined && isSafe(state) && (resync || presumed !== original + shift)) {
      presumed = original + shift;
      out.push({ text: `#line ${presumed}\n`, patchedLine: i + 1 });
      resync = false;
      doubtful = Math.max(doubtful, state.conditionals);
    }
    out.push({ text, patchedLine: i + 1 });
    presumed++;
    if (!state.directive || state.continued) return;
    const own = /^\s*#\s*(?:line\s+)?(\d+)\b/.exec(text)?.[1];
    if (own !== undefined) {
      presumed = Number(own);
      if (original !== undefined) shift = presumed - original - 1;
    }
    const branch = /^\s*#\s*(elif|else|endif)\b/.exec(text)?.[1];
    if (branch !== undefined && state.conditionals <= doubtful && doubtful > 0) {
      resync = true;
      if (branch === 'endif') doubtful = state.conditionals - 1;
    }
  });
  return out;
}

function isSafe(state: LineState): boolean {
  return !state.continued && state.depth === 0;
}

/** For each patched line its number in the original, undefined when it is new. */
function originalNumbers(original: string[], patched: string[]): (number | undefined)[] {
  const numbers: (number | undefined)[] = [];
  let old = 0;
  const keep = (until: number): void => {
    while (numbers.length < until) numbers.push(++old);
  };
  for (const { newFrom, newTo, oldTo } of diffLines(original, patched)) {
    keep(newFrom);
    for (let i = newFrom; i < newTo; i++) numbers.push(undefined);
    old = oldTo;
  }
  keep(patched.length);
  return numbers;
}

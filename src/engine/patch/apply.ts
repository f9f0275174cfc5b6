import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import type { PatchedFile } from '../types.js';
import { explainFailure } from './diagnose.js';
import { diffLines, splitLines } from './lines.js';
import { locate } from './locate.js';
import { candidatePaths } from './names.js';
import { limits, parsePatch, type FilePatch, type Hunk } from './parse.js';

/** Where in which patch a line was added or removed. */
interface Origin {
  patch: string;
  patchLine: number;
}

/** A line on its way through the patches: `index` is its place in the original, or `origin` what added it. */
type Line = { text: string; index: number } | { text: string; index?: never; origin: Origin };

/** A file while patches are applied to it. */
interface Draft {
  path: string;
  original: string[];
  lines: Line[];
  /** What removed a line of the original, by its index. */
  removed: Map<number, Origin>;
  op?: 'added' | 'deleted' | 'renamed';
  from?: string;
  notes: Finding[];
}

/**
 * Applies patches one after the other, exactly: no fuzz, and an offset only where a hunk fits in one place alone.
 * @param patches name and text of each
 * @param readOriginal the kernel's own text of a file, undefined when it has none
 * @returns the files in the order in which they first occur, each with what changed from the original to the end
 * @throws KlpError `not-a-patch`, `patch-too-large`, `patch-binary`, `patch-path-escapes`, `patch-file-missing`,
 *   `patch-does-not-apply`, `nothing-to-patch` when all are empty, and what `readOriginal` throws
 */
export async function applyPatches(
  patches: readonly { name: string; text: string }[],
  readOriginal: (path: string) => Promise<string | undefined>,
): Promise<PatchedFile[]> {
  if (patches.length > limits.patches) {
    throw new KlpError(
      'patch-too-large',
      `${patches.length} patches were given; the limit is ${limits.patches}`,
    );
  }
  const parts = patches.flatMap(({ name, text }) => parsePatch(name, text));
  if (parts.length === 0) {
    const names = patches.map(({ name }) => name).join(', ');
    throw new KlpError('nothing-to-patch', `there is nothing in ${names}`);
  }
  if (parts.length > limits.files) {
    throw new KlpError(
      'patch-too-large',
      `the patches touch files ${parts.length} times; the limit is ${limits.files}`,
    );
  }
  const drafts = new Map<string, Draft>();
  for (const part of parts) {
    if (part.binary) {
      const name = part.newName ?? part.oldName ?? '';
      throw new KlpError('patch-binary', `${part.patch} changes a binary file: ${name}`, {
        file: part.patch,
        line: part.patchLine,
      });
    }
    const draft = await draftFor(part, drafts, readOriginal);
    applyPart(draft, part);
  }
  return [...drafts.values()].map(finish);
}

/** The draft that a part of a patch speaks of; made from the kernel's file when there is none yet. */
async function draftFor(
  part: FilePatch,
  drafts: Map<string, Draft>,
  readOriginal: (path: string) => Promise<string | undefined>,
): Promise<Draft> {
  const candidates = candidatePaths(part);
  for (const path of candidates) {
    const known = drafts.get(path);
    if (known) return known;
    const text = await readOriginal(path);
    if (text !== undefined) return start(drafts, path, text);
  }
  const path = candidates[0] ?? '';
  if (part.added) return Object.assign(start(drafts, path, ''), { op: 'added' as const });
  const tried = candidates.join(' or ');
  throw new KlpError(
    'patch-file-missing',
    `${part.patch} changes a file that the kernel tree does not have: ${tried}`,
    {
      file: part.patch,
      line: part.patchLine,
    },
  );
}

function start(drafts: Map<string, Draft>, path: string, text: string): Draft {
  const original = splitLines(text);
  const lines = original.map((line, index) => ({ text: line, index }));
  const draft: Draft = { path, original, lines, removed: new Map(), notes: [] };
  drafts.set(path, draft);
  return draft;
}

function applyPart(draft: Draft, part: FilePatch): void {
  if (part.renamed) {
    const [from] = candidatePaths({ ...part, newName: undefined });
    const [to] = candidatePaths({ ...part, oldName: undefined });
    draft.op = 'renamed';
    draft.path = to ?? draft.path;
    if (from !== undefined) draft.from = from;
  }
  let place = { from: 0, delta: 0, drift: 0 };
  // What other texts have for a head is no function.
  const isC = /\.[ch]$/.test(draft.path);
  const hunks = isC ? part.hunks : part.hunks.map((hunk) => ({ ...hunk, heading: '' }));
  hunks.forEach((hunk, i) => {
    const texts = draft.lines.map((line) => line.text);
    const placement = locate(texts, hunk, { ...place, earlier: hunks.slice(0, i) });
    if (!placement.ok) {
      const failure = { file: part, path: draft.path, number: i + 1, hunk, lines: texts, placement };
      const madeBy = (at: number): string | undefined => makerOf(draft, hunk, at);
      throw explainFailure({ ...failure, delta: place.delta, madeBy });
    }
    if (placement.offset !== 0) draft.notes.push(offsetNote(part, draft, hunk, placement.offset));
    const end = splice(draft, hunk, placement.at, part.patch);
    place = { from: end, delta: place.delta + hunk.newLines - hunk.oldLines, drift: placement.offset };
  });
  if (part.deleted) draft.op = 'deleted';
}

/** The patch that made a hunk's change, when the hunk's result stands at index `at`; undefined when the kernel has it. */
function makerOf(draft: Draft, hunk: Hunk, at: number): string | undefined {
  let now = at;
  for (const { kind } of hunk.lines) {
    const line = draft.lines[now];
    if (kind !== '-') now++;
    if (kind === '+' && line?.index === undefined) return line?.origin.patch;
    if (kind !== '-') continue;
    const above = draft.lines[now - 1];
    const removed = now === 0 ? 0 : above?.index === undefined ? undefined : above.index + 1;
    const origin = removed === undefined ? undefined : draft.removed.get(removed);
    if (origin) return origin.patch;
  }
  return undefined;
}

/** Puts a hunk's new lines in the place of its old ones; returns the index behind them. */
function splice(draft: Draft, hunk: Hunk, at: number, patch: string): number {
  const next: Line[] = [];
  let old = at;
  for (const { kind, text, patchLine } of hunk.lines) {
    const origin = { patch, patchLine };
    if (kind === '+') {
      next.push({ text, origin });
      continue;
    }
    const line = draft.lines[old++];
    if (line === undefined) throw new KlpError('internal', 'a hunk was placed beyond the end of its file');
    if (kind === ' ') next.push(line);
    else if (line.index !== undefined) draft.removed.set(line.index, origin);
  }
  draft.lines.splice(at, old - at, ...next);
  return at + next.length;
}

function finish(draft: Draft): PatchedFile {
  const { path, original, lines, op, from, notes } = draft;
  return {
    path,
    original: original.join(''),
    patched: lines.map((line) => line.text).join(''),
    changed: changedRanges(draft),
    ...(op ? { op } : {}),
    ...(from === undefined ? {} : { from }),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/**
 * What differs between the original and the final text. Lines that no patch touched divide both texts; between
 * two such lines, what one patch removed and another put back is found by comparing.
 */
function changedRanges({ original, lines, removed }: Draft): PatchedFile['changed'] {
  const changed: PatchedFile['changed'] = [];
  const kept = lines.flatMap((line, at) => (line.index === undefined ? [] : [{ index: line.index, at }]));
  let [oldFrom, newFrom] = [0, 0];
  for (const { index, at } of [...kept, { index: original.length, at: lines.length }]) {
    const before = original.slice(oldFrom, index);
    const after = lines.slice(newFrom, at);
    for (const part of diffLines(
      before,
      after.map((line) => line.text),
    )) {
      const added = part.newTo > part.newFrom ? after[part.newFrom] : undefined;
      const origin = added && added.index === undefined ? added.origin : removed.get(oldFrom + part.oldFrom);
      if (!origin) throw new KlpError('internal', 'a changed line is not known to any patch');
      changed.push({ from: newFrom + part.newFrom + 1, to: newFrom + part.newTo, ...origin });
    }
    [oldFrom, newFrom] = [index + 1, at + 1];
  }
  return changed;
}

function offsetNote(part: FilePatch, draft: Draft, hunk: Hunk, offset: number): Finding {
  const where = `${Math.abs(offset)} line${Math.abs(offset) === 1 ? '' : 's'} ${offset > 0 ? 'below' : 'above'}`;
  return {
    code: 'hunk-moved',
    severity: 'note',
    message: `${part.patch}: the hunk at line ${hunk.patchLine} fits exactly ${where} where it says`,
    file: draft.path,
  };
}

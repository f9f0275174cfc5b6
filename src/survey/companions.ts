import type { Missing } from './missing.js';
import { predecessors } from './seams.js';
import type { FilePart, SurveyItem } from './types.js';

/** Who the items of a survey can be asked for by, made once per survey. */
export interface Companions {
  /** The items that may bring what is missing, best kind first: see `companionsOf`. */
  find: (missing: Missing, together: readonly SurveyItem[], item: SurveyItem) => SurveyItem[];
}

/** More than these do not belong together in any way that a survey could find out. */
const mostAtOnce = 12;

/** The words of lines that come and that go, and the headers that come to be included, without their folders. */
interface Side {
  added: Set<string>;
  removed: Set<string>;
  includes: Set<string>;
}

/**
 * Finds the items of a survey that must go with one: those whose changed lines declare what is missing.
 * - headers that add a line with one of the names, that are themselves missing, that declare what is used otherwise, or no
 *   longer declare what goes; else
 * - other files that do, or whose lines with the name go; and the change of a file that no longer compiles; and, of
 *   earlier changes of a file of which a patch does not apply, those that make lines which the patch expects.
 * @param input in an ordered survey an item needs only what came before it
 * @param readersOf the C files that the kernel compiles with a header; undefined when that is not known
 */
export function companionsIn(
  input: { items: readonly SurveyItem[]; ordered: boolean },
  readersOf: (path: string) => readonly string[] | undefined,
): Companions {
  const words = new Map<FilePart, Side>();
  const wordsOf = (part: FilePart): Side => {
    let side = words.get(part);
    if (side === undefined) words.set(part, (side = changedWords(part.text)));
    return side;
  };
  // A new header is read by those that get a line which includes it.
  const headerParts = input.items.flatMap(({ parts }) => parts.filter(({ path }) => path.endsWith('.h')));
  const isIncluded = (header: FilePart, together: readonly SurveyItem[]): boolean => {
    const name = header.path.replace(/^.*\//, '');
    const readers = [...headerParts, ...together.flatMap(({ parts }) => parts)];
    return readers.some((part) => wordsOf(part).includes.has(name));
  };
  const position = new Map(input.items.map((item, i) => [item, i]));

  const search: Companions['find'] = (missing, together, item) => {
    const limit = input.ordered ? (position.get(item) ?? 0) : input.items.length;
    const others = input.items.slice(0, limit).filter((other) => !together.includes(other));
    const sources = together.flatMap(({ parts }) => parts.map(({ path }) => path));
    const declares = (part: FilePart): boolean => {
      const { added } = wordsOf(part);
      return missing.names.some((name) => added.has(name));
    };
    const headers = others.filter((other) =>
      other.parts.some((part) => {
        if (!part.path.endsWith('.h')) return false;
        if (missing.headers.some((header) => part.path.endsWith(`/${header}`))) return true;
        if (missing.declaredIn.includes(part.path)) return true;
        if (missing.removed.some((name) => wordsOf(part).removed.has(name))) return true;
        if (!declares(part)) return false;
        return part.added ? isIncluded(part, together) : mayRead(part, sources, readersOf);
      }),
    );
    const broken = missing.files.filter((file) => !sources.includes(file) || input.ordered);
    const isBroken = (other: SurveyItem): boolean => other.parts.some(({ path }) => broken.includes(path));
    const found = (other: SurveyItem): number => {
      if (isBroken(other)) return Infinity;
      const words = other.parts.map((part) => wordsOf(part).added);
      return missing.names.filter((name) => words.some((added) => added.has(name))).length;
    };
    const best = (some: readonly SurveyItem[]): SurveyItem[] => nearest(some, sources, found);
    if (headers.length > 0) return best(others.filter((one) => headers.includes(one) || isBroken(one)));
    const before = input.ordered ? predecessors(missing.unapplied, together, others) : new Set();
    const rest = others.filter(
      (other) =>
        before.has(other) ||
        isBroken(other) ||
        other.parts.some((part) => {
          const { removed } = wordsOf(part);
          return declares(part) || missing.names.some((name) => removed.has(name));
        }),
    );
    return best(rest);
  };
  const find: Companions['find'] = (missing, together, item) => {
    const found = search(missing, together, item);
    if (found.length > 0) return found;
    // What clang names may only follow from what it does not name: a field, from the macro that would declare it. These
    // words are many, and only what a header says of them is about this file.
    return search({ ...missing, names: missing.words }, together, item).filter((other) =>
      other.parts.some(({ path }) => path.endsWith('.h')),
    );
  };
  return { find };
}

/** Does one of the files include the header, as far as the kernel's build tells? */
function mayRead(
  header: FilePart,
  sources: readonly string[],
  readersOf: (path: string) => readonly string[] | undefined,
): boolean {
  const readers = readersOf(header.path);
  if (readers === undefined || readers.length === 0) return true;
  return !sources.some((path) => path.endsWith('.c')) || sources.some((path) => readers.includes(path));
}

/** The items that bring most of what is missing, and share most of their folders with the sources; in the survey's order. */
function nearest(
  items: readonly SurveyItem[],
  sources: readonly string[],
  found: (item: SurveyItem) => number,
): SurveyItem[] {
  if (items.length <= mostAtOnce) return [...items];
  const near = (item: SurveyItem): number =>
    Math.max(...item.parts.flatMap(({ path }) => sources.map((source) => sharedFolders(path, source))));
  const sorted = [...items].sort((a, b) => found(b) - found(a) || near(b) - near(a));
  const kept = new Set(sorted.slice(0, mostAtOnce));
  return items.filter((item) => kept.has(item));
}

/** Headers for all have the folders of their subsystem below `include`. */
function sharedFolders(a: string, b: string): number {
  const [left = [], right = []] = [a, b].map((path) => path.replace(/^include\//, '').split('/'));
  const end = left.findIndex((part, i) => part !== right[i]);
  return end < 0 ? left.length : end;
}

/** The identifiers of a patch's lines that come and that go. */
function changedWords(text: string): Side {
  const side: Side = { added: new Set(), removed: new Set(), includes: new Set() };
  for (const line of text.split('\n')) {
    if (!/^[+-]/.test(line) || /^(?:\+\+\+|---) /.test(line)) continue;
    const included = /^\+\s*#\s*include\s*[<"](?:.*\/)?([^/>"]+)[>"]/.exec(line)?.[1];
    if (included !== undefined) side.includes.add(included);
    const words = line.startsWith('+') ? side.added : side.removed;
    for (const word of line.match(/[A-Za-z_]\w*/g) ?? []) words.add(word);
  }
  return side;
}

import type { SurveyItem } from './types.js';

/** Lines of a file that stand one below the other, as a patch shows them; lines that it changes alone too. */
interface Seams {
  /** What the patch expects. */
  expected: Set<string>;
  /** What is there after it, and was not before. */
  made: Set<string>;
}

/**
 * The items without which patches may not apply, and those that these need in turn: each makes lines that another expects.
 * What merely changes the same file may be an alternative to a patch.
 * @param paths the files of which a patch does not apply
 */
export function predecessors(
  paths: readonly string[],
  items: readonly SurveyItem[],
  others: readonly SurveyItem[],
): Set<SurveyItem> {
  const known = new Map<SurveyItem, Map<string, Seams>>();
  const seamsOf = (item: SurveyItem): Map<string, Seams> => {
    const parts = item.parts.filter(({ path }) => paths.includes(path));
    const seams = known.get(item) ?? new Map(parts.map(({ path, text }) => [path, seamsIn(text)]));
    known.set(item, seams);
    return seams;
  };
  const helps = (other: SurveyItem, item: SurveyItem): boolean =>
    [...seamsOf(other)].some(([path, { made }]) =>
      [...(seamsOf(item).get(path)?.expected ?? [])].some((seam) => made.has(seam)),
    );
  const found = new Set<SurveyItem>();
  const needing = [...items];
  for (let item = needing.pop(); item !== undefined; item = needing.pop()) {
    for (const other of others) {
      if (found.has(other) || !helps(other, item)) continue;
      found.add(other);
      needing.push(other);
    }
  }
  return found;
}

function seamsIn(text: string): Seams {
  const before = side(text, '-');
  const after = side(text, '+');
  return { expected: before, made: new Set([...after].filter((seam) => !before.has(seam))) };
}

/** Pairs of neighbouring lines, and changed lines, of one side of a patch. */
function side(text: string, sign: '-' | '+'): Set<string> {
  const seams = new Set<string>();
  let above: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const isHeader = /^(?:\+\+\+|---) /.test(line);
    if (isHeader || !/^[ +\\-]/.test(line)) {
      above = undefined;
      continue;
    }
    if (!line.startsWith(' ') && !line.startsWith(sign)) continue;
    const content = line.slice(1);
    if (above !== undefined) seams.add(`${above}\n${content}`);
    // A patch without context shows nothing beside what it changes.
    if (line.startsWith(sign) && content.trim() !== '') seams.add(content);
    above = content;
  }
  return seams;
}

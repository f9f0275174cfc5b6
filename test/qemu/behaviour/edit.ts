import { createTwoFilesPatch } from 'diff';
import type { Edit } from './types.js';

/** Index of the only occurrence of a text. @throws Error when there is none, or another */
function only(text: string, part: string, file: string): number {
  const at = text.indexOf(part);
  if (at < 0 || text.includes(part, at + 1)) {
    throw new Error(`${file} has ${at < 0 ? 'no' : 'more than one'} "${part}"`);
  }
  return at;
}

/** A text after an edit. @throws Error when the edit does not name exactly one place */
export function edited(text: string, { file, behind, find, put }: Edit): string {
  let at: number;
  if (behind === undefined) at = only(text, find, file);
  else at = text.indexOf(find, only(text, behind, file) + behind.length);
  if (at < 0) throw new Error(`${file} has no "${find}" behind "${behind}"`);
  return text.slice(0, at) + put + text.slice(at + find.length);
}

/** The patch that makes the edits. @param source the text of a file of the kernel */
export function patchOf(edits: readonly Edit[], source: (file: string) => string): string {
  return [...new Set(edits.map(({ file }) => file))]
    .map((file) => {
      const text = source(file);
      const after = edits.filter((edit) => edit.file === file).reduce(edited, text);
      return createTwoFilesPatch(`a/${file}`, `b/${file}`, text, after);
    })
    .join('');
}

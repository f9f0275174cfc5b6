import type { PatchedFile } from '../types.js';
import { originalPatchedLine } from './align.js';

/**
 * Options that make clang name lines as they are counted in the file it read, `#line` directives or not. They have no
 * effect on code. Without them a line number could stand for two lines of an aligned file.
 */
export const physicalLines = ['-Xclang', '-fno-diagnostics-use-presumed-location'] as const;

/**
 * A compiler's messages about aligned files with the line numbers of the patched files, as their author knows them.
 * @param output what clang printed when run with `physicalLines`
 * @param files the files that `align` was used on
 */
export function atPatchedLines(output: string, files: readonly PatchedFile[]): string {
  let file: PatchedFile | undefined;
  return output
    .split('\n')
    .map((line) => {
      const place = /^((?:In file included from )?)([^\s:]+):(\d+)([:,].*)$/.exec(line);
      if (place) {
        const [, before = '', path = '', number = '', after = ''] = place;
        file = files.find((f) => path === f.path || path.endsWith(`/${f.path}`));
        return file ? `${before}${path}:${originalPatchedLine(file, Number(number))}${after}` : line;
      }
      // Below a message clang shows the line with its number in a gutter, and marks under it.
      const shown = /^(\s*)(\d+)( \|.*)$/.exec(line);
      if (!file || !shown) return line;
      const [, indent = '', number = '', code = ''] = shown;
      return String(originalPatchedLine(file, Number(number))).padStart(indent.length + number.length) + code;
    })
    .join('\n');
}

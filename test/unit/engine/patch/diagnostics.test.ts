import { expect, it } from 'vitest';
import { atPatchedLines } from '../../../../src/engine/patch/diagnostics.js';
import type { PatchedFile } from '../../../../src/engine/types.js';

it('names the lines of the patched file in what the compiler printed', () => {
  const file: PatchedFile = { path: 'fs/f.c', original: 'a\nb\nc\n', patched: 'a\nnew\nb\nc\n', changed: [] };
  // The aligned text is: a, new, #line 2, b, c.
  const output = [
    'In file included from init/main.c:3:',
    "./fs/f.c:5:1: error: use of undeclared identifier 'c'",
    '    5 | c',
    '      | ^',
    'In file included from /src/linux/fs/f.c:4,',
    'fs/other.c:5:1: warning: unused',
    '    5 | c',
    '1 error generated.',
  ];
  expect(atPatchedLines(output.join('\n'), [file]).split('\n')).toEqual([
    'In file included from init/main.c:3:',
    "./fs/f.c:4:1: error: use of undeclared identifier 'c'",
    '    4 | c',
    '      | ^',
    'In file included from /src/linux/fs/f.c:3,',
    'fs/other.c:5:1: warning: unused',
    '    5 | c',
    '1 error generated.',
  ]);
});

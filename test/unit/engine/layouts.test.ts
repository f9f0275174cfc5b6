import { describe, expect, it } from 'vitest';
import { placeOfType } from '../../../src/engine/layouts.js';
import type { PatchedFile } from '../../../src/engine/types.js';

const file = (path: string, patched: string, line: number): PatchedFile => ({
  path,
  original: '',
  patched,
  changed: [{ from: line, to: line, patch: 'p', patchLine: 1 }],
});

describe('the place of a changed type', () => {
  const user = file(
    'x.c',
    'struct other {\n\tint changed;\n};\nint f(struct ctx *ctx)\n{\n\treturn 0;\n}\n',
    2,
  );

  it('is its definition, not where it is used', () => {
    const header = file('x.h', 'struct before {\n\tint a;\n};\nstruct ctx {\n\tint changed;\n};\n', 5);
    expect(placeOfType('struct ctx', [user, header])).toEqual({ file: 'x.h', line: 5 });
  });

  it('is another type that changes where the patch does not define it', () => {
    expect(placeOfType('struct ctx', [user])).toEqual({ file: 'x.c', line: 2 });
    expect(placeOfType('struct ctx', [])).toEqual({});
  });
});

import { describe, expect, it } from 'vitest';
import { layoutChanges, layoutsIn } from '../../../../src/engine/diff/layout.js';
import { aggregatesTouched } from '../../../../src/engine/patch/touched.js';

const module = (members: string, size: number, more = ''): string => `source_filename = "x.c"
!1 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "s", file: !9, line: 1, size: ${size}, elements: !2)
!2 = !{${members}}
!3 = !DIDerivedType(tag: DW_TAG_member, name: "a", scope: !1, baseType: !8, size: 32)
!4 = !DIDerivedType(tag: DW_TAG_member, name: "b", scope: !1, baseType: !7, size: 64, offset: 64)
!5 = !DIDerivedType(tag: DW_TAG_member, name: "c", scope: !1, baseType: !8, size: 32, offset: 32)
!7 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !1, size: 64)
!8 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
${more}`;

describe('layouts of structures', () => {
  it('that stay the same are no change', () => {
    const text = module('!3, !4', 128);
    expect(layoutChanges(layoutsIn(text), layoutsIn(text))).toEqual([]);
  });

  it('are compared field by field, also where a new field fits into a hole', () => {
    const changes = layoutChanges(layoutsIn(module('!3, !4', 128)), layoutsIn(module('!3, !5, !4', 128)));
    expect(changes).toEqual([{ type: 'struct s', fields: ['c: new -> at bit 32, 32 bits, int'] }]);
  });

  it('tell of a new first field before all that it moves, also past unnamed members', () => {
    const unnamed = (offset: number): string =>
      `!6 = !DIDerivedType(tag: DW_TAG_member, scope: !1, baseType: !8, size: 32, offset: ${offset})\n`;
    const moved = module('!5, !3, !6, !4', 192, unnamed(96))
      .replace('size: 32, offset: 32', 'size: 32')
      .replace('name: "a", scope: !1, baseType: !8, size: 32', '$&, offset: 32');
    const [change] = layoutChanges(layoutsIn(module('!3, !6, !4', 128, unnamed(32))), layoutsIn(moved));
    expect(change?.fields).toEqual([
      'c: new -> at bit 0, 32 bits, int',
      '(size): 128 bits -> 192 bits',
      'a: at bit 0, 32 bits, int -> at bit 32, 32 bits, int',
      '(unnamed 1): at bit 32, 32 bits, int -> at bit 96, 32 bits, int',
    ]);
  });

  it('do not mind a structure that is new', () => {
    const more =
      '!20 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "n", size: 32, elements: !21)\n!21 = !{!3}\n';
    expect(layoutChanges(layoutsIn(module('!3, !4', 128)), layoutsIn(module('!3, !4', 128, more)))).toEqual(
      [],
    );
  });
});

describe('aggregatesTouched', () => {
  const patched = `struct s {
	int a;
	union {
		int b;
	} u;
};

struct s *make(void)
{
	int inside;
}

typedef struct {
	int d;
} t;
`;
  it.each([
    [2, true],
    [4, true],
    [8, false],
    [10, false],
    [14, true],
  ])('line %i lies in a structure: %s', (line, inside) => {
    const changed = [{ from: line, to: line, patch: 'p', patchLine: 1 }];
    expect(aggregatesTouched({ path: 'x.h', original: '', patched, changed })).toEqual(inside ? [line] : []);
  });
});

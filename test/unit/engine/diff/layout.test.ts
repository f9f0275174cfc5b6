import { describe, expect, it } from 'vitest';
import { enumeratorsIn, layoutChanges, layoutsIn, renumbered } from '../../../../src/engine/diff/layout.js';
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

  it('are compared where the structure has got another name', () => {
    const [before, after] = [module('!3, !4', 128), module('!3, !5, !4', 128)];
    const changes = layoutChanges(layoutsIn(before), layoutsIn(after.replace('name: "s"', 'name: "t"')));
    expect(changes.map(({ type }) => type)).toEqual(['struct s (struct t with the patch)']);
    expect(layoutChanges(layoutsIn(before), layoutsIn(before.replace('name: "s"', 'name: "t"')))).toEqual([]);
  });

  it('are compared for structures that only a typedef names', () => {
    const named = (text: string): string =>
      `${text.replace('name: "s", ', '')}\n!20 = !DIDerivedType(tag: DW_TAG_typedef, name: "s_t", baseType: !1)\n`;
    const changes = layoutChanges(
      layoutsIn(named(module('!3, !4', 128))),
      layoutsIn(named(module('!3, !5, !4', 128))),
    );
    expect(changes).toEqual([{ type: 'typedef s_t', fields: ['c: new -> at bit 32, 32 bits, int'] }]);
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

describe('enumerators', () => {
  const text = (...names: string[]): string =>
    names
      .map((name, i) => `!${i} = !DIEnumerator(name: "${name}", value: ${i}, isUnsigned: true)`)
      .join('\n');
  const changes = (before: string[], after: string[]): string[] =>
    renumbered(enumeratorsIn(text(...before)), enumeratorsIn(text(...after))).map(
      ({ name, from, to }) => `${name} ${from} ${to}`,
    );

  it('that get another value are named', () => {
    expect(changes(['A', 'B', 'C'], ['A', 'NEW', 'B', 'C'])).toEqual(['B 1 2', 'C 2 3']);
    expect(changes(['A', 'B'], ['B'])).toEqual(['B 1 0']);
    expect(changes(['A', 'TCP_LAST_ACK'], ['A', 'NEW', 'TCP_LAST_ACK'])).toEqual(['TCP_LAST_ACK 1 2']);
  });

  it('may come at the end, before one that counts them', () => {
    expect(changes(['A', 'B', 'NR_X'], ['A', 'B', 'NEW', 'NR_X'])).toEqual([]);
    expect(changes(['A', 'B', '__X_MAX'], ['A', 'B', 'NEW', '__X_MAX'])).toEqual([]);
  });

  it('that two types have under one name are not told of', () => {
    expect(changes(['A', 'B', 'A'], ['A', 'A', 'B'])).toEqual(['B 1 2']);
  });
});

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
      `${text.replace('name: "s", ', '').replace('pointer_type, baseType: !1', 'pointer_type, baseType: !8')}\n!20 = !DIDerivedType(tag: DW_TAG_typedef, name: "s_t", baseType: !1)\n`;
    const changes = layoutChanges(
      layoutsIn(named(module('!3, !4', 128))),
      layoutsIn(named(module('!3, !5, !4', 128))),
    );
    expect(changes).toEqual([{ type: 'typedef s_t', fields: ['c: new -> at bit 32, 32 bits, int'] }]);
  });

  const pointing = (to: string): string =>
    module('!3, !4', 128, to).replace('!DIDerivedType(tag: DW_TAG_pointer_type, baseType: !1', (text) =>
      text.replace('!1', '!30'),
    );
  const basic = (size: number): string => `!30 = !DIBasicType(name: "t", size: ${size})\n`;
  const struct = (name: string): string =>
    `!30 = !DICompositeType(tag: DW_TAG_structure_type, name: "${name}", flags: DIFlagFwdDecl)\n`;
  const fn = '!30 = !DISubroutineType(types: !31)\n!31 = !{!8}\n';
  it.each([
    ['a wider value', basic(16), basic(32), ['16 bits', '32 bits']],
    ['another structure', struct('a'), struct('b'), ['struct a', 'struct b']],
    ['a value for a structure', struct('a'), basic(32), ['struct a', '32 bits']],
    ['a value of another sign or name', basic(32), basic(32).replace('"t"', '"u"'), undefined],
    ['anything', struct('a'), '!30 = !DIDerivedType(tag: DW_TAG_const_type, baseType: null)\n', undefined],
    ['a function of another type', fn, fn.replace('!8', '!8, !8'), undefined],
  ])('differ where a pointer leads to other memory: %s', (_, before, after, expected) => {
    const changes = layoutChanges(layoutsIn(pointing(before)), layoutsIn(pointing(after)));
    const [from, to] = expected ?? [];
    const place = 'at bit 64, 64 bits, pointer to';
    expect(changes).toEqual(
      expected ? [{ type: 'struct s', fields: [`b: ${place} ${from} -> ${place} ${to}`] }] : [],
    );
  });

  it('differ in the dimensions of an array of the same size', () => {
    const array = (...counts: number[]): string => {
      const ranges = counts.map((count, i) => `!${40 + i} = !DISubrange(count: ${count})`).join('\n');
      const list = counts.map((_, i) => `!${40 + i}`).join(', ');
      return module('!3, !4', 128, `!31 = !{${list}}\n${ranges}\n`).replace(
        '!DIDerivedType(tag: DW_TAG_pointer_type, baseType: !1, size: 64)',
        '!DICompositeType(tag: DW_TAG_array_type, baseType: !8, size: 64, elements: !31)',
      );
    };
    const changes = layoutChanges(layoutsIn(array(2, 3)), layoutsIn(array(3, 2)));
    const place = 'at bit 64, 64 bits,';
    expect(changes[0]?.fields).toEqual([`b: ${place} int[2][3] -> ${place} int[3][2]`]);
  });

  it('tell of a variable that leads to other memory, and of which function it is', () => {
    const variable = (type: string, scope: string): string =>
      [
        `!50 = distinct !DIGlobalVariable(name: "p", scope: ${scope}, type: !51, isLocal: true)`,
        '!51 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !30, size: 64)',
        '!52 = distinct !DILexicalBlock(scope: !53, file: !9, line: 1)',
        '!53 = distinct !DISubprogram(name: "f", scope: !9)',
        type,
      ].join('\n');
    const changed = (scope: string) =>
      layoutChanges(layoutsIn(variable(basic(32), scope)), layoutsIn(variable(basic(64), scope)));
    const fields = ['type: pointer to 32 bits -> pointer to 64 bits'];
    expect(changed('!9')).toEqual([{ type: 'variable p', fields }]);
    expect(changed('!52')).toEqual([{ type: 'variable f.p', fields }]);
  });

  it('are compared for variables, whose structure may be of the same form and another one', () => {
    const variable = (type: string, names: string[]): string =>
      [
        '!50 = distinct !DIGlobalVariable(name: "v", scope: !9, type: !51, isLocal: true)',
        `!51 = ${type}`,
        '!52 = !{!53, !54}',
        ...names.map(
          (name, i) =>
            `!${53 + i} = !DIDerivedType(tag: DW_TAG_member, name: "${name}", baseType: !8, size: 32, offset: ${32 * i})`,
        ),
        '!55 = !DICompositeType(tag: DW_TAG_structure_type, size: 64, elements: !52)',
      ].join('\n');
    const fields = [
      'a: at bit 0, 32 bits, int -> at bit 32, 32 bits, int',
      'b: at bit 32, 32 bits, int -> at bit 0, 32 bits, int',
    ];
    const swapped = (type: string) =>
      layoutChanges(
        layoutsIn(module('!3, !4', 128, variable(type, ['a', 'b']))),
        layoutsIn(module('!3, !4', 128, variable(type, ['b', 'a']))),
      );
    const direct = '!DICompositeType(tag: DW_TAG_structure_type, size: 64, elements: !52)';
    const inner = (tag: string): string => `!DIDerivedType(tag: DW_TAG_${tag}, baseType: !55, size: 64)`;
    expect(swapped(direct)).toEqual([{ type: 'variable v', fields }]);
    expect(swapped('!DICompositeType(tag: DW_TAG_array_type, baseType: !55, size: 256)')).toEqual([
      { type: 'variable v', fields },
    ]);
    expect(swapped(inner('const_type'))).toEqual([]);
    const [leading] = swapped(inner('pointer_type'));
    expect(leading?.fields[0]).toMatch(/pointer to \{a at bit 0.* -> pointer to \{b at bit 0/);
    const renamed = layoutChanges(
      layoutsIn(module('!3, !4', 128, variable(direct, ['a', 'b']))),
      layoutsIn(module('!3, !4', 128, variable(direct, ['a', 'b']).replace('name: "v"', 'name: "w"'))),
    );
    expect(renamed).toEqual([]);
  });

  it('do not mind a field without content, other than an array of any length', () => {
    const field = (type: string): string =>
      [
        '!6 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !1, baseType: !30, offset: 64)',
        '!30 = ' + type,
        '!31 = !{}',
        '!32 = !{!33}',
        '!33 = !DISubrange(count: -1)\n',
      ].join('\n');
    const empty = '!DICompositeType(tag: DW_TAG_structure_type, name: "lock_class_key", elements: !31)';
    const array = '!DICompositeType(tag: DW_TAG_array_type, baseType: !8, elements: !32)';
    const changes = (type: string) =>
      layoutChanges(layoutsIn(module('!3, !4', 128)), layoutsIn(module('!3, !6, !4', 128, field(type))));
    expect(changes(empty)).toEqual([]);
    expect(changes(array)).toEqual([{ type: 'struct s', fields: ['key: new -> at bit 64, 0 bits, int[]'] }]);
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
  /** Types of enumerators, numbered in their order; `X=3` has that value. */
  const text = (...types: string[][]): string =>
    types
      .flatMap((names, t) => [
        `!${t}00 = !DICompositeType(tag: DW_TAG_enumeration_type, size: 32, elements: !${t}01)`,
        `!${t}01 = !{${names.map((_, i) => `!${t}0${i + 2}`).join(', ')}}`,
        ...names.map((name, i) => {
          const [word = '', value = String(i)] = name.split('=');
          return `!${t}0${i + 2} = !DIEnumerator(name: "${word}", value: ${value}, isUnsigned: true)`;
        }),
      ])
      .join('\n');
  const changes = (before: string[], after: string[]): string[] => between([before], [after]);
  const between = (before: string[][], after: string[][]): string[] =>
    renumbered(enumeratorsIn(text(...before)), enumeratorsIn(text(...after))).moved.map(
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
    expect(changes(['A', '__X_MAX=1', 'X_MAX=0'], ['A', 'B', '__X_MAX=2', 'X_MAX=1'])).toEqual([]);
  });

  it('that count others are told apart', () => {
    const [before, after] = [text(['A', 'NR_X']), text(['A', 'NEW', 'NR_X'])];
    expect(renumbered(enumeratorsIn(before), enumeratorsIn(after))).toEqual({
      moved: [],
      counts: [{ name: 'NR_X', from: '1', to: '2' }],
    });
  });

  it('that are called like one that counts, and do not, are named', () => {
    expect(
      changes(['NR_FREE', 'NR_USED', 'NR_MORE', 'NR_X'], ['NR_USED', 'NR_FREE', 'NR_MORE', 'NR_X']),
    ).toEqual(['NR_FREE 0 1', 'NR_USED 1 0']);
  });

  it('that two types have under one name are not told of', () => {
    expect(
      between(
        [['A', 'B'], ['A']],
        [
          ['A', 'NEW', 'B'],
          ['X', 'A'],
        ],
      ),
    ).toEqual(['B 1 2']);
  });
});

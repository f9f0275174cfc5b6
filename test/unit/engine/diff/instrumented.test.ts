import { describe, expect, it } from 'vitest';
import { diffModules, type ModuleDiff } from '../../../../src/engine/diff/diff.js';
import { judge } from '../../../../src/engine/diff/refuse.js';
import { select, type Selection } from '../../../../src/engine/distill/select.js';
import { parseModule } from '../../../../src/engine/ir/module.js';
import { agree } from '../../../../src/engine/object/agree.js';
import { readListing } from '../../../../src/engine/object/listing.js';
import { comparedIr, unitOf } from '../../../helpers/unit.js';

/** What becomes of a patch: the differences, the codes of refusals, and what goes into the livepatch. */
function judged(original: string, patched: string): { diff: ModuleDiff; codes: string[]; taken: Selection } {
  const compared = comparedIr(original, patched);
  const codes = judge(compared, []).refusals.map(({ code }) => code);
  return { diff: compared.diff, codes, taken: select(compared.patched, compared.diff, 'x.c') };
}

const constructors = (names: string): string => `define internal void @asan.module_ctor() #0 {
  call void @__asan_register_globals(i64 ptrtoint (ptr @0 to i64), i64 ${names.split(',').length})
  ret void
}

declare void @__asan_register_globals(i64, i64)

@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 1, ptr @asan.module_ctor, ptr null }]
@0 = internal global [${names.split(',').length} x { i64, i64 }] [${names
  .split(',')
  .map((name) => `{ i64, i64 } { i64 ptrtoint (ptr @${name} to i64), i64 2 }`)
  .join(', ')}]
`;

const literal = (name: string, text: string): string =>
  `@${name} = internal constant { [2 x i8], [30 x i8] } { [2 x i8] c"${text}\\00", [30 x i8] zeroinitializer }, align 32\n`;

const prints = (name: string, text: string): string => `define dso_local void @${name}() #0 {
  call void @p(ptr @${text})
  ret void
}

`;

describe('a kernel with KASAN', () => {
  const original = `${literal('.str', 'a')}${literal('.str.1', 'b')}declare void @p(ptr)
${prints('f', '.str')}${prints('g', '.str.1')}${constructors('.str,.str.1')}`;
  const patched = `${literal('.str', 'n')}${literal('.str.1', 'c')}${literal('.str.2', 'b')}declare void @p(ptr)
${prints('f', '.str')}${prints('g', '.str.2')}${constructors('.str,.str.1,.str.2')}`;

  it('has named literals: they are compared by content, and those of changed functions are copied', () => {
    const { diff, codes, taken } = judged(original, patched);
    expect([...diff.changed]).toEqual(['f']);
    expect(codes).toEqual([]);
    expect([...taken.own.keys()]).toEqual(['.str']);
    expect([...taken.kernel.keys()]).toEqual(['p']);
  });

  it('has lists of its variables, which a livepatch needs none of', () => {
    const { diff } = judged(original, `${original}${literal('.str.9', 'z')}`.replace('i64 2)', 'i64 3)'));
    expect(diff.changed.size + diff.changedData.size + diff.addedData.size).toBe(0);
  });

  it('sees a variable that is no literal', () => {
    const table = (n: number): string =>
      `@limits = internal global { [2 x i32], [24 x i8] } { [2 x i32] [i32 1, i32 ${n}], [24 x i8] zeroinitializer }\n`;
    const { codes } = judged(
      `${table(1)}${prints('f', 'limits')}declare void @p(ptr)\n`,
      `${table(2)}${prints('f', 'limits')}declare void @p(ptr)\n`,
    );
    expect(codes).toEqual(['data-changed']);
  });

  it('has the same code where a literal has another number', () => {
    const listing = (strings: [string, string][], of: string): string =>
      [
        '\t.text\n\t.type\tg,@function\ng:',
        `\tmovq\t$${of}, %rdi\n\tcallq\tp\n.Lend:\n\t.size\tg, .Lend-g`,
        ...strings.map(
          ([name, text]) =>
            `\t.type\t${name},@object\n\t.section\t.rodata,"a",@progbits\n${name}:\n\t.asciz\t"${text}"\n\t.size\t${name}, 2`,
        ),
      ].join('\n');
    const of = (text: string, strings: [string, string][], name: string) => ({
      module: parseModule(text, 'x.ll'),
      listing: readListing(listing(strings, name)),
    });
    const g = (name: string): string => `declare void @p(ptr)\n${prints('g', name)}`;
    const before = of(`${literal('.str', 'b')}${g('.str')}`, [['.str', 'b']], '.str');
    const same = of(`${literal('.str.2', 'b')}${g('.str.2')}`, [['.str.2', 'b']], '.str.2');
    const other = of(`${literal('.str.2', 'b')}${g('.str.2')}`, [['.str.2', 'c']], '.str.2');
    const diff = diffModules(before.module, same.module);
    expect(agree(unitOf(), before, same, diff).same).toEqual([]);
    expect(() => agree(unitOf(), before, other, diff)).toThrow(/the code of g differs/);
  });
});

describe('a kernel with UBSAN', () => {
  const place = (number: number, line: number): string =>
    `@${number} = private unnamed_addr global { { ptr, i32, i32 }, i32 } { { ptr, i32, i32 } { ptr @.src, i32 ${line}, i32 7 }, i32 0 }\n`;
  const src = '@.src = private unnamed_addr constant [4 x i8] c"x.c\\00"\n';
  const checks = (name: string, number: number): string => prints(name, String(number));

  it('has places in the code that have numbers for names: they are compared by content, and copied', () => {
    const { diff, codes, taken } = judged(
      `${src}${place(0, 5)}${place(1, 9)}declare void @p(ptr)\n${checks('f', 0)}${checks('g', 1)}`,
      `${src}${place(0, 4)}${place(1, 5)}${place(2, 9)}declare void @p(ptr)\n${checks('f', 1)}${checks('g', 2)}`.replace(
        'define dso_local void @f() #0 {\n',
        'define dso_local void @f() #0 {\n  call void @p(ptr @0)\n',
      ),
    );
    expect([...diff.changed]).toEqual(['f']);
    expect(codes).toEqual([]);
    expect([...taken.own.keys()].sort()).toEqual(['.src', '0', '1']);
  });
});

describe('a kernel with GCOV', () => {
  const counted = (name: string, counters: string): string => `define dso_local void @${name}() #0 {
  %1 = load i64, ptr @${counters}, align 8
  %2 = add i64 %1, 1
  store i64 %2, ptr @${counters}, align 8
  ret void
}

`;
  const counters = (name: string, n: number): string =>
    `@${name} = internal global [${n} x i64] zeroinitializer\n`;
  const writeout = (n: number): string =>
    `define internal void @__llvm_gcov_writeout() unnamed_addr #0 {\n  call void @w(i32 ${n})\n  ret void\n}\n\ndeclare void @w(i32)\n`;

  it('has counters for each function: those of changed functions are their own', () => {
    const [one, two] = ['__llvm_gcov_ctr', '__llvm_gcov_ctr.1'];
    const { diff, codes, taken } = judged(
      `${counters(one, 1)}${counters(two, 2)}${counted('f', one)}${counted('g', two)}${writeout(1)}`,
      `${counters(one, 3)}${counters(two, 2)}${counted('f', one)}${counted('g', two)}${writeout(2)}`,
    );
    expect([...diff.changed]).toEqual(['f']);
    expect(codes).toEqual([]);
    expect([...taken.own.keys()]).toEqual([one]);
  });
});

describe('a kernel with kCFI', () => {
  it('names the types of functions whose addresses a file takes: new ones are no change of its assembly', () => {
    const typeOf = (name: string): string =>
      `module asm ".weak __kcfi_typeid_${name}"\nmodule asm ".set __kcfi_typeid_${name}, 329620"\n`;
    const { diff, codes } = judged(
      `${typeOf('a')}declare void @p(ptr)\ndeclare void @a()\ndeclare void @b()\n${prints('f', 'a')}`,
      `${typeOf('a')}${typeOf('b')}declare void @p(ptr)\ndeclare void @a()\ndeclare void @b()\n${prints('f', 'b')}`,
    );
    expect([...diff.changed]).toEqual(['f']);
    expect(codes).toEqual([]);
  });
});

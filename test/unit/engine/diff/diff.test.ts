import { describe, expect, it } from 'vitest';
import { diffModules, type ModuleDiff } from '../../../../src/engine/diff/diff.js';
import { parseModule } from '../../../../src/engine/ir/module.js';

function diff(original: string, patched: string): ModuleDiff {
  return diffModules(parseModule(original, 'original.ll'), parseModule(patched, 'patched.ll'));
}

const caller = (body: string): string => `define dso_local i32 @f(i32 %0) #0 {
${body}
  ret i32 %0
}
`;

const scopes = `!1 = !{!3}
!2 = !{!4}
!3 = distinct !{!3, !5, !"f: argument"}
!4 = distinct !{!4, !5, !"f: argument"}
!5 = distinct !{!5, !"f"}
`;

/** Pairs that differ in a way that reaches code generation: `f` must count as changed. */
const different: [string, string, string][] = [
  [
    'a flag of the module',
    `${caller('')}!llvm.module.flags = !{!0}\n!0 = !{i32 1, !"override-stack-alignment", i32 8}\n`,
    `${caller('')}!llvm.module.flags = !{!0}\n!0 = !{i32 1, !"override-stack-alignment", i32 16}\n`,
  ],
  [
    'the target',
    `target triple = "aarch64-unknown-linux-gnu"\n${caller('')}`,
    `target triple = "aarch64_be-unknown-linux-gnu"\n${caller('')}`,
  ],
  ['a constant', caller('  %2 = add i32 %0, 1'), caller('  %2 = add i32 %0, 2')],
  ['a predicate', caller('  %2 = icmp eq i32 %0, 1'), caller('  %2 = icmp ne i32 %0, 1')],
  ['a flag', caller('  %2 = add nsw i32 %0, 1'), caller('  %2 = add i32 %0, 1')],
  [
    'volatility',
    `@g = external global i32\n${caller('  %2 = load volatile i32, ptr @g, align 4')}`,
    `@g = external global i32\n${caller('  %2 = load i32, ptr @g, align 4')}`,
  ],
  [
    'an ordering',
    `@g = external global i32\n${caller('  fence acquire')}`,
    `@g = external global i32\n${caller('  fence release')}`,
  ],
  [
    'an asm string',
    caller('  call void asm sideeffect "nop", ""()'),
    caller('  call void asm sideeffect "pause", ""()'),
  ],
  [
    'the order of PHI values',
    caller('  br label %2\n2:\n  %3 = phi i32 [ 0, %1 ], [ 1, %2 ]'),
    caller('  br label %2\n2:\n  %3 = phi i32 [ 1, %1 ], [ 0, %2 ]'),
  ],
  [
    'the text of a string',
    `@.str = private unnamed_addr constant [2 x i8] c"a\\00"\ndeclare void @p(ptr)\n${caller('  call void @p(ptr @.str)')}`,
    `@.str = private unnamed_addr constant [2 x i8] c"b\\00"\ndeclare void @p(ptr)\n${caller('  call void @p(ptr @.str)')}`,
  ],
  [
    'an attribute of the call',
    `declare void @p()\n${caller('  call void @p() #1')}attributes #1 = { nounwind }\n`,
    `declare void @p()\n${caller('  call void @p() #1')}attributes #1 = { noreturn }\n`,
  ],
  [
    'an attribute of the callee',
    `declare void @p() #1\n${caller('  call void @p()')}attributes #1 = { nounwind }\n`,
    `declare void @p() #1\n${caller('  call void @p()')}attributes #1 = { noreturn }\n`,
  ],
  [
    'branch weights',
    `${caller('  br i1 true, label %2, label %2, !prof !0\n2:')}!0 = !{!"branch_weights", i32 1, i32 9}\n`,
    `${caller('  br i1 true, label %2, label %2, !prof !0\n2:')}!0 = !{!"branch_weights", i32 9, i32 1}\n`,
  ],
  [
    'the layout of a structure',
    `%s = type { i32, i32 }\n${caller('  %2 = getelementptr %s, ptr null, i32 0, i32 1')}`,
    `%s = type { i64, i32 }\n${caller('  %2 = getelementptr %s, ptr null, i32 0, i32 1')}`,
  ],
  [
    'the type of a variable it uses',
    `@g = external global i32\n${caller('  store i32 1, ptr @g, align 4')}`,
    `@g = external thread_local global i32\n${caller('  store i32 1, ptr @g, align 4')}`,
  ],
  [
    'what is known of memory that a callee touches',
    `declare void @p(ptr nocapture)\n${caller('  call void @p(ptr null)')}`,
    `declare void @p(ptr)\n${caller('  call void @p(ptr null)')}`,
  ],
  [
    'a range that does not start at 0',
    `declare range(i32 -4, 1) i32 @p()\n${caller('  %2 = call i32 @p()')}`,
    `declare range(i32 -9, 1) i32 @p()\n${caller('  %2 = call i32 @p()')}`,
  ],
  [
    'how directly a symbol is reached',
    `@g = external dso_local global i32\n${caller('  store i32 1, ptr @g, align 4')}`,
    `@g = external global i32\n${caller('  store i32 1, ptr @g, align 4')}`,
  ],
  [
    'which of two scopes of one name is meant',
    `${caller('  store i32 1, ptr null, !alias.scope !1\n  store i32 2, ptr null, !noalias !2')}${scopes}`,
    `${caller('  store i32 1, ptr null, !alias.scope !1\n  store i32 2, ptr null, !noalias !1')}${scopes}`,
  ],
  [
    'whether a constant may be merged with another',
    `@.str = private unnamed_addr constant [2 x i8] c"a\\00"\ndeclare void @p(ptr)\n${caller('  call void @p(ptr @.str)')}`,
    `@.str = private constant [2 x i8] c"a\\00"\ndeclare void @p(ptr)\n${caller('  call void @p(ptr @.str)')}`,
  ],
  [
    'which of two values has the number of a type',
    `%0 = type { i32 }\n%1 = type { i32 }\n${caller('  %2 = sub i32 %0, %1')}`,
    `%0 = type { i32 }\n%1 = type { i32 }\n${caller('  %2 = sub i32 %1, %0')}`,
  ],
  ['its alignment', caller('').replace('#0', 'align 16'), caller('').replace('#0', 'align 32')],
  [
    'the alignment of what a parameter points to',
    caller('').replace('i32 %0)', 'ptr align 8 %0)'),
    caller('').replace('i32 %0)', 'ptr align 4 %0)'),
  ],
  ['its visibility', caller(''), caller('').replace('dso_local', 'hidden')],
  ['its linkage', caller(''), caller('').replace('dso_local', 'weak dso_local')],
  [
    'the function that handles its exceptions',
    `declare void @p()\ndeclare void @q()\n${caller('').replace('#0', 'personality ptr @p')}`,
    `declare void @p()\ndeclare void @q()\n${caller('').replace('#0', 'personality ptr @q')}`,
  ],
  ['its section', caller('').replace('#0', 'section "a"'), caller('').replace('#0', 'section "b"')],
];

/** Pairs that differ only in what the compiler numbers or where things stand: nothing changed. */
const same: [string, string, string][] = [
  [
    'numbers of strings, attributes and metadata',
    `@.str = private unnamed_addr constant [2 x i8] c"a\\00"\ndeclare void @p(ptr) #3\n${caller('  call void @p(ptr @.str) #7, !range !1, !srcloc !5')}attributes #3 = { cold }\nattributes #7 = { nounwind }\n!1 = !{i32 0, i32 2}\n!5 = !{i64 17}\n`,
    `@.str.9 = private unnamed_addr constant [2 x i8] c"a\\00"\ndeclare void @p(ptr) #1\n${caller('  call void @p(ptr @.str.9) #2, !range !8, !srcloc !2')}attributes #1 = { cold }\nattributes #2 = { nounwind }\n!8 = !{i32 0, i32 2}\n!2 = !{i64 99}\n`,
  ],
  [
    'debug locations',
    `${caller('  %2 = add i32 %0, 1, !dbg !3')}!3 = !DILocation(line: 1, scope: !4)\n!4 = distinct !DISubprogram(name: "f")\n`,
    caller('  %2 = add i32 %0, 1'),
  ],
  [
    'self-referring loop metadata with locations',
    `${caller('  br label %2, !llvm.loop !5\n2:')}!5 = distinct !{!5, !6, !7}\n!6 = !DILocation(line: 1)\n!7 = !{!"llvm.loop.mustprogress"}\n`,
    `${caller('  br label %2, !llvm.loop !8\n2:')}!8 = distinct !{!8, !9, !7}\n!9 = !DILocation(line: 2)\n!7 = !{!"llvm.loop.mustprogress"}\n`,
  ],
  [
    'suffixes of statics',
    `@f.x = internal global i32 1\n${caller('  store i32 2, ptr @f.x')}`,
    `@f.x.4 = internal global i32 1\n${caller('  store i32 2, ptr @f.x.4')}`,
  ],
  [
    'unique identifiers',
    `@__UNIQUE_ID_x12 = internal global i32 1\n${caller('  store i32 2, ptr @__UNIQUE_ID_x12')}`,
    `@__UNIQUE_ID_x13 = internal global i32 1\n${caller('  store i32 2, ptr @__UNIQUE_ID_x13')}`,
  ],
];

describe('diffModules', () => {
  it.each(different)('sees a change of %s', (_, a, b) => {
    expect([...diff(a, b).changed]).toEqual(['f']);
  });

  it.each(same)('sees no change in %s', (_, a, b) => {
    const d = diff(a, b);
    expect([
      ...d.changed,
      ...d.added,
      ...d.removed,
      ...d.changedData,
      ...d.addedData,
      ...d.removedData,
    ]).toEqual([]);
  });

  it('tells variables whose names differ in numbers alone by the functions that they point at', () => {
    const listed = (a: string, b: string): string =>
      ['to_ticks', 'to_ticks64'].map((f) => `declare void @${f}()\n`).join('') +
      `@__UNIQUE_ID___addressable_to_ticks64${a} = internal global ptr @to_ticks64, section ".discard.addressable"\n` +
      `@__UNIQUE_ID___addressable_to_ticks${b} = internal global ptr @to_ticks, section ".discard.addressable"\n`;
    const d = diff(listed('278', '279'), listed('281', '282'));
    expect([...d.addedData, ...d.removedData, ...d.ambiguous]).toEqual([]);
  });

  it('names new and removed functions', () => {
    const d = diff(caller(''), caller('').replace('@f', '@g'));
    expect([[...d.added], [...d.removed]]).toEqual([['g'], ['f']]);
  });

  it('counts a function that stops being static as changed', () => {
    const d = diff(caller('').replace('dso_local', 'internal'), caller(''));
    expect([...d.changed]).toEqual(['f']);
  });

  it('tells changed data from changed code', () => {
    const data = (n: number): string =>
      `@v = internal global i32 ${n}, align 4\n${caller('  store i32 0, ptr @v, align 4')}`;
    const d = diff(data(1), data(2));
    expect([[...d.changed], [...d.changedData]]).toEqual([[], ['v']]);
  });

  it('carries a changed read-only table with the functions that read it', () => {
    const table = (n: number): string =>
      `@t = internal unnamed_addr constant [2 x i32] [i32 1, i32 ${n}], align 4\n${caller('  %2 = load i32, ptr @t, align 4')}`;
    const d = diff(table(2), table(3));
    expect([[...d.changed], [...d.changedData], [...d.addedData]]).toEqual([['f'], [], ['t']]);
  });

  it('carries the changed record of a place that prints with the function that prints', () => {
    const message = (text: string): string =>
      `@.m = private constant [1 x i8] c"${text}"\n@d = internal global ptr @.m, section "__dyndbg", align 8\n@llvm.compiler.used = appending global [1 x ptr] [ptr @d], section "llvm.metadata"\n${caller('  %2 = load ptr, ptr @d, align 8')}`;
    const d = diff(message('a'), message('b'));
    expect([[...d.changed], [...d.changedData], [...d.addedData]]).toEqual([['f'], [], ['d']]);
  });

  it('lets the index of messages list what it was built with', () => {
    const message = (text: string): string =>
      `@.m = private constant [1 x i8] c"${text}"
@f._entry = internal constant { ptr } { ptr @.m }, align 8
@f._entry_ptr = internal global ptr @f._entry, section ".printk_index", align 8
@llvm.used = appending global [2 x ptr] [ptr @f._entry, ptr @f._entry_ptr], section "llvm.metadata"
declare void @print(ptr)
define void @f() {
  call void @print(ptr @.m)
  ret void
}
`;
    const d = diff(message('a'), message('b'));
    expect([[...d.changed], [...d.changedData], [...d.addedData]]).toEqual([
      ['f'],
      [],
      ['f._entry', 'f._entry_ptr'],
    ]);
    const read = (text: string): string => `${message(text)}@p = dso_local global ptr @f._entry, align 8\n`;
    expect([...diff(read('a'), read('b')).changedData]).toEqual(['f._entry']);
  });

  it('does not care what the compiler knows of where a pointer leads', () => {
    const hint = (n: number): string =>
      `define internal void @g() {\n  ret void\n}\n@p = global ptr @g\n${caller(`  %2 = load ptr, ptr @p, align 8\n  call void %2(), !callees !1`)}!1 = !{${n === 1 ? 'ptr @g' : ''}}\n`;
    expect([...diff(hint(1), hint(2)).changed]).toEqual([]);
  });

  it('does not carry a table that other data points at', () => {
    const table = (n: number): string =>
      `@t = internal unnamed_addr constant [2 x i32] [i32 1, i32 ${n}], align 4\n@p = dso_local global ptr @t, align 8\n`;
    expect([...diff(table(2), table(3)).changedData]).toContain('t');
  });

  it('tells the texts of trace points of one function by what they say', () => {
    const texts = (first: number, second: number, n: number): string =>
      `
@f.___tp_str${first} = internal global ptr @.str, section "__tracepoint_str", align 8
@.str = private constant [2 x i8] c"a\\00"
@f.___tp_str${second} = internal global ptr @.str.9, section "__tracepoint_str", align 8
@.str.9 = private constant [2 x i8] c"b\\00"
declare void @trace(ptr, ptr, i32)
define void @f() {
  call void @trace(ptr @f.___tp_str${first}, ptr @f.___tp_str${second}, i32 ${n})
  ret void
}
`
        .replaceAll('___tp_str0', '___tp_str')
        .replaceAll('___tp_str4', '___tp_str.4');
    const { ambiguous, originalOf, changed } = diff(texts(0, 4, 1), texts(4, 0, 2));
    expect([...ambiguous]).toEqual([]);
    expect([...changed]).toEqual(['f']);
    expect(originalOf.get('f.___tp_str')).toBe('f.___tp_str.4');
    expect(originalOf.get('f.___tp_str.4')).toBe('f.___tp_str');
  });

  it('says when it cannot tell which static a new function would use', () => {
    const two = `@f.n = internal global i32 0, align 4\n@f.n.1 = internal global i32 0, align 4\n`;
    const use = (a: string, b: string, value: number): string =>
      caller(`  store i32 ${value}, ptr @${a}, align 4\n  store i32 ${value}, ptr @${b}, align 4`);
    const d = diff(two + use('f.n', 'f.n.1', 1), two + use('f.n.1', 'f.n', 2));
    expect([...d.ambiguous].sort()).toEqual(['f.n', 'f.n.1']);
  });

  it('sees that a caller relies on what was known of the result of a static function', () => {
    const module = (range: string): string =>
      `define internal ${range}i32 @g(i32 %0) {\n  ret i32 %0\n}\n${caller('  %2 = call i32 @g(i32 %0)')}`;
    expect([...diff(module('range(i32 0, 2) '), module('')).changed].sort()).toEqual(['f', 'g']);
  });

  it('asks no more of a function that data points at than its place', () => {
    const module = (range: string): string =>
      `define internal ${range}i32 @g(i32 %0) {\n  ret i32 %0\n}\n@table = dso_local global ptr @g, align 8\n`;
    const d = diff(module('range(i32 0, 2) '), module(''));
    expect([[...d.changed], [...d.changedData]]).toEqual([['g'], []]);
  });

  it('knows a static by its users when what is known of their callee changes', () => {
    const module = (range: string, one: string, other: string): string =>
      `@f.n = internal global i32 0, align 4\n@f.n.1 = internal global i32 0, align 4\ndeclare ${range}i32 @p()\n` +
      caller(
        `  %2 = call i32 @p()\n  store i32 1, ptr @${one}, align 4\n  store i32 2, ptr @${other}, align 4`,
      );
    const d = diff(module('range(i32 0, 2) ', 'f.n', 'f.n.1'), module('', 'f.n.1', 'f.n'));
    expect([[...d.changed], [...d.ambiguous], d.originalOf.get('f.n')]).toEqual([['f'], [], 'f.n.1']);
  });

  it('does not take a structure in one piece for a new variable when it was in several', () => {
    const pieces = `@x.0 = internal global i64 0, align 8\n@x.1 = internal global i64 0, align 8\n`;
    const parts = pieces + caller('  store i64 1, ptr @x.0, align 8\n  store i64 1, ptr @x.1, align 8');
    const whole = `@x = internal global { i64, i64 } zeroinitializer, align 8\n${caller('  store i64 1, ptr @x, align 8')}`;
    expect([...diff(parts, whole).ambiguous]).toEqual(['x']);
    expect([...diff(whole, parts).ambiguous].sort()).toEqual(['x.0', 'x.1']);
  });

  it('sees a changed initial value of one of several statics of a name', () => {
    const two = (n: number): string =>
      `@f.n = internal global i32 1, align 4\n@f.n.1 = internal global i32 ${n}, align 4\n${caller(`  store i32 ${n}, ptr @f.n, align 4\n  store i32 ${n}, ptr @f.n.1, align 4`)}`;
    const d = diff(two(2), two(3));
    expect([[...d.changedData], [...d.addedData]]).toEqual([['f.n.1'], []]);
  });

  it('compares nameless data by what points at it', () => {
    const two = (n: number): string =>
      [1, 2]
        .map(
          (i) =>
            `@.lit.${i} = internal global i32 ${i * n}, align 4\n@p${i} = dso_local global ptr @.lit.${i}, align 8\n`,
        )
        .join('');
    const d = diff(two(1), two(5));
    expect([[...d.changedData].sort(), [...d.addedData]]).toEqual([['.lit.1', '.lit.2'], []]);
  });

  it.each([
    ['as long as before', 'b'],
    ['longer', 'bb'],
  ])("carries a function's changed text, %s", (_, after) => {
    const text = (t: string): string =>
      `@f.msg = internal constant [${t.length} x i8] c"${t}", align 1\ndeclare void @p(ptr)\n${caller('  call void @p(ptr @f.msg)')}`;
    const d = diff(text('a'), text(after));
    expect([[...d.changed], [...d.changedData], [...d.addedData]]).toEqual([['f'], [], ['f.msg']]);
  });

  it('lists file-level assembly that came and went, whatever its counters', () => {
    const asm = (n: number, name: string): string => `module asm "__initcall__kmod_m__${n}_9_${name}6:"\n`;
    expect(diff(asm(1, 'a'), asm(2, 'a')).asm).toEqual({ added: [], removed: [] });
    expect(diff(asm(1, 'a'), asm(1, 'b')).asm.added).toHaveLength(1);
  });

  it('does not take two clones of a function for each other because their names are equal', () => {
    const module = (clone: number): string =>
      `define internal i32 @g.1(i32 %0) {\n  ret i32 ${clone}\n}\n${caller('  %2 = call i32 @g.1(i32 %0)')}`;
    const d = diff(module(1), module(2));
    expect([[...d.changed], [...d.added], [...d.removed]]).toEqual([['f'], ['g.1'], ['g.1']]);
  });
});

describe('a variable of a file', () => {
  const use = (linkage: string, n = 1): string =>
    `@state = ${linkage} global i32 7, align 4\ndefine dso_local void @f() {\n  store i32 ${n}, ptr @state, align 4\n  ret void\n}\n`;

  it.each([
    ['internal', 'dso_local'],
    ['dso_local', 'internal'],
  ])('is the same one when it was %s and is %s', (before, after) => {
    const diff = diffModules(
      parseModule(use(before), 'a.ll'),
      parseModule(use(after, 2) + '@new = internal global i32 0\n', 'b.ll'),
    );
    expect([...diff.addedData]).toEqual(['new']);
    expect([...diff.changedData]).toEqual([]);
    expect([...diff.removedData]).toEqual([]);
    expect(diff.originalOf.get('state')).toBe('state');
    expect([...diff.opened]).toEqual(after === 'internal' ? [] : ['state']);
    expect([...diff.changed]).toEqual(['f']);
  });

  it('makes no difference to its users when `static` comes or goes', () => {
    const diff = diffModules(parseModule(use('internal'), 'a.ll'), parseModule(use('dso_local'), 'b.ll'));
    expect([...diff.changed]).toEqual([]);
  });
});

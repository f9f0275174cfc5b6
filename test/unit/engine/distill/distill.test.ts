import { describe, expect, it } from 'vitest';
import { carryUntraceable } from '../../../../src/engine/diff/untraceable.js';
import { emit, type Distilled } from '../../../../src/engine/distill/emit.js';
import { select, type Selection } from '../../../../src/engine/distill/select.js';
import { parseModule, type IrModule } from '../../../../src/engine/ir/module.js';
import { comparedIr } from '../../../helpers/unit.js';

interface Result {
  selection: Selection;
  distilled: Distilled;
  /** The distilled text read back. */
  module: IrModule;
}

function distil(
  original: string,
  patched: string,
  unlinked: string[] = [],
  traceable = (_: string): boolean => true,
  absent: string[] = [],
  provided: string[] = [],
): Result {
  const { unit, patched: b, diff: found } = comparedIr(original, patched);
  const diff = carryUntraceable(unit, b, found, traceable);
  const selection = select(b, diff, 'x.c');
  const distilled = emit(b, selection, {
    unlinked: new Map(unlinked.map((name) => [name, 'a reason'])),
    absent: new Set(absent),
    provided: new Set(provided),
    suffix: '',
  });
  return { selection, distilled, module: parseModule(distilled.text, 'distilled.ll') };
}

const pair = (text: (n: number) => string): [string, string] => [text(1), text(2)];

describe('distilling', () => {
  it('takes the changed function and leaves the rest in the kernel', () => {
    const { module, distilled } = distil(
      ...pair(
        (n) => `@counter = internal global i32 7, align 4
@big = dso_local global [4 x i32] zeroinitializer, align 16
define internal void @helper(i32 noundef %0) unnamed_addr #0 {
  ret void
}
define dso_local void @other() {
  ret void
}
define internal i32 @f(i32 %0) #0 section ".text" align 16 {
  store i32 ${n}, ptr @counter, align 4
  store i32 ${n}, ptr @big, align 16
  call void @helper(i32 ${n})
  ret i32 0
}
attributes #0 = { nounwind }
`,
      ),
    );
    expect(module.globals.get('f')).toMatchObject({ declared: false, local: false });
    expect(module.globals.get('helper')).toMatchObject({
      declared: true,
      head: 'declare dso_local void @helper(i32 noundef) #0',
    });
    expect(module.globals.get('counter')).toMatchObject({ declared: true, type: 'i32' });
    expect(module.globals.get('big')).toMatchObject({ declared: true, type: '[4 x i32]' });
    expect(module.globals.has('other')).toBe(false);
    expect(distilled.symbols.get('helper')).toEqual({ original: 'helper', local: true });
    expect(distilled.symbols.get('big')).toEqual({ original: 'big', local: false });
  });

  it('has replaced functions return from calls that lead into the livepatch, so that they are on the stack', () => {
    const original = `@text = private unnamed_addr constant [2 x i8] c"a\\00", align 1
declare i32 @each(ptr)
declare i32 @elsewhere()
define dso_local i32 @f(i1 %0) {
  %2 = tail call i32 @each(ptr null)
  ret i32 %2
}
`;
    const patched = `@text = private unnamed_addr constant [2 x i8] c"a\\00", align 1
declare i32 @each(ptr)
declare i32 @elsewhere()
define internal i32 @new() {
  %1 = tail call i32 @new2()
  ret i32 %1
}
define internal i32 @new2() {
  ret i32 0
}
define dso_local i32 @f(i1 %0) {
  %2 = tail call i32 @each(ptr null)
  %3 = tail call i32 @new()
  %4 = select i1 %0, ptr @new, ptr @new2
  %5 = tail call i32 @each(ptr %4)
  %6 = tail call i32 %4()
  %7 = tail call i32 @each(ptr @text)
  %8 = tail call i32 @elsewhere()
  ret i32 %3
}
`;
    const { module } = distil(original, patched, [], () => true, [], ['elsewhere']);
    const calls = (name: string, of = module): string[] => {
      const f = of.globals.get(name);
      return f?.kind === 'function' ? (f.body.match(/\w+ call .*/g) ?? []) : [];
    };
    expect(calls('f')).toEqual([
      'tail call i32 @each(ptr null)',
      'notail call i32 @new()',
      'notail call i32 @each(ptr %4)',
      'notail call i32 %4()',
      'notail call i32 @each(ptr @text)',
      'notail call i32 @elsewhere()',
    ]);
    expect(calls('new')).toEqual(['tail call i32 @new2()']);

    const table = (content: string): IrModule =>
      distil(
        original,
        `@table = internal constant [2 x ptr] [ptr ${content}, ptr null], align 8
define internal i32 @new() {
  ret i32 0
}
define dso_local i32 @f(i1 %0) {
  %2 = load ptr, ptr @table, align 8
  %3 = tail call i32 %2()
  %4 = call i32 @new()
  ret i32 %3
}
`,
      ).module;
    expect(calls('f', table('@new'))).toEqual(['notail call i32 %2()']);
    expect(calls('f', table('null'))).toEqual(['tail call i32 %2()']);
  });

  it('names no function that stays behind for what the compiler knows of a pointer', () => {
    const text = (n: number): string => `define internal void @g() {
  ret void
}
@p = dso_local global ptr @g, align 8
define dso_local void @f(i32 %0) {
  store i32 ${n}, ptr @p, align 4
  %2 = load ptr, ptr @p, align 8
  call void %2(), !callees !1
  ret void
}
!1 = !{ptr @g}
`;
    expect(distil(...pair(text)).distilled.text).not.toContain('@g');
  });

  it('brings strings, new functions and new statics along', () => {
    const use = `@.str = private unnamed_addr constant [3 x i8] c"hi\\00", align 1
@g.calls = internal global i32 0, align 4
declare i32 @printk(ptr, ...)
define internal void @g() {
  store i32 1, ptr @g.calls, align 4
  %1 = call i32 (ptr, ...) @printk(ptr @.str)
  ret void
}
`;
    const { module } = distil(
      'define dso_local void @f() {\n  ret void\n}\n',
      `${use}define dso_local void @f() {\n  call void @g()\n  ret void\n}\n`,
    );
    expect(module.globals.get('g')).toMatchObject({ declared: false, local: true });
    expect(module.globals.get('g.calls')).toMatchObject({ declared: false, initialiser: '0' });
    expect(module.globals.get('.str')).toMatchObject({ declared: false });
  });

  it('binds a renumbered static to its original, whatever it is called now', () => {
    const text = (
      first: string,
      second: string,
      n: number,
    ): string => `@${first} = internal global i32 1, align 4
@${second} = internal global i64 2, align 8
define dso_local void @f() {
  store i32 ${n}, ptr @${first}, align 4
  store i64 ${n}, ptr @${second}, align 8
  ret void
}
`;
    const { module, distilled } = distil(text('f.x', 'f.x.1', 1), text('f.x.1', 'f.x', 2));
    // In the patched module f.x.1 is the i32; in the kernel that one is called f.x.
    expect(module.globals.get('f.x')).toMatchObject({ declared: true, type: 'i32' });
    expect(module.globals.get('f.x.1')).toMatchObject({ declared: true, type: 'i64' });
    expect(distilled.symbols.get('f.x')).toEqual({ original: 'f.x', local: true });
  });

  it('calls the new copy of a changed function and takes the address of the original', () => {
    const { distilled } = distil(
      ...pair(
        (n) => `declare void @register(ptr)
define internal i32 @callback(i32 %0) {
  ret i32 ${n}
}
define dso_local void @f() {
  %1 = call i32 @callback(i32 ${n})
  call void @register(ptr @callback)
  ret void
}
`,
      ),
    );
    expect(distilled.text).toContain('call i32 @callback(i32 2)');
    expect(distilled.text).toContain('call void @register(ptr @klp_original.callback)');
    expect(distilled.symbols.get('klp_original.callback')).toEqual({ original: 'callback', local: true });
  });

  it('copies read-only tables of plain values, but not those with an address that counts', () => {
    const { module } = distil(
      ...pair(
        (n) => `@plain = internal unnamed_addr constant [2 x i32] [i32 1, i32 2], align 4
@identity = internal constant [2 x i32] [i32 1, i32 2], align 4
define dso_local void @f(ptr %0) {
  %2 = load i32, ptr @plain, align 4
  %3 = icmp eq ptr %0, @identity
  store i32 ${n}, ptr %0, align 4
  ret void
}
`,
      ),
    );
    expect(module.globals.get('plain')).toMatchObject({ declared: false });
    expect(module.globals.get('identity')).toMatchObject({ declared: true });
  });

  it('refuses a static that could be one of several', () => {
    const two = '@f.n = internal global i32 0, align 4\n@f.n.1 = internal global i32 0, align 4\n';
    const f = (a: string, b: string, n: number): string =>
      `${two}define dso_local void @f() {\n  store i32 ${n}, ptr @${a}\n  store i32 ${n}, ptr @${b}\n  ret void\n}\n`;
    expect(() => distil(f('f.n', 'f.n.1', 1), f('f.n.1', 'f.n', 2))).toThrow(
      expect.objectContaining({ code: 'static-ambiguous' }),
    );
  });

  it('turns a static branch on a module key into an ordinary one, and leaves those of vmlinux', () => {
    const text = (n: number): string => `@key = external global { i32 }
@other = external global { i32 }
define dso_local i32 @f() {
  callbr void asm sideeffect "1: jmp \${2:l}\\0A.pushsection __jump_table", "i,i,!i,~{memory}"(ptr @key, i32 2) #0
          to label %1 [label %2]

1:
  callbr void asm sideeffect "1: jmp \${2:l}\\0A.pushsection __jump_table", "i,i,!i,~{memory}"(ptr @other, i1 true) #0
          to label %3 [label %2]

2:
  ret i32 ${n}

3:
  ret i32 0
}
attributes #0 = { nounwind }
`;
    const { distilled } = distil(text(1), text(2), ['key']);
    expect(distilled.branches).toEqual([{ function: 'f', key: 'key' }]);
    expect(distilled.text).toContain('ptrtoint ptr @key to i64');
    expect(distilled.text).toMatch(/br i1 %klp\.key\.1\.jump, label %2, label %1\n/);
    expect(distilled.text.match(/callbr/g)).toHaveLength(1);
  });

  describe('weak references', () => {
    const text = (n: number): string => `@w = extern_weak dso_local global i32
declare extern_weak dso_local i32 @hook(i32 noundef)
define dso_local i32 @f() {
  br i1 icmp ne (ptr @hook, ptr null), label %1, label %2

1:
  %x = call i32 @hook(i32 ${n})
  ret i32 %x

2:
  %y = load i32, ptr @w, align 4
  ret i32 %y
}
`;

    it('are ordinary ones when the kernel has what they refer to', () => {
      const { distilled } = distil(...pair(text));
      expect(distilled.text).not.toContain('extern_weak');
      expect(distilled.text).toContain('declare dso_local i32 @hook(i32 noundef)');
      expect(distilled.text).toContain('@w = external dso_local global i32');
    });

    it('are address 0 when it has not', () => {
      const { distilled, module } = distil(...pair(text), [], undefined, ['hook', 'w']);
      expect(distilled.text).toContain('icmp ne (ptr null, ptr null)');
      expect(distilled.text).toContain('call i32 null(i32 2)');
      expect(distilled.text).toContain('load i32, ptr null');
      expect([...module.globals.keys()]).toEqual(['f']);
    });
  });

  it('calls static-call trampolines under a name that objtool leaves alone', () => {
    const { distilled } = distil(
      ...pair(
        (n) =>
          `declare i32 @__SCT__x()\ndefine dso_local i32 @f() {\n  %1 = call i32 @__SCT__x()\n  ret i32 ${n}\n}\n`,
      ),
    );
    expect(distilled.text).not.toMatch(/@__SCT__/);
    expect([...distilled.symbols.values()]).toContainEqual({ original: '__SCT__x', local: false });
  });

  it('drops debug information and keeps metadata that makes code', () => {
    const { distilled } = distil(
      ...pair(
        (n) => `define dso_local i32 @f(ptr %0) !dbg !3 {
  %2 = load i32, ptr %0, align 4, !dbg !4, !range !5
  ret i32 ${n}, !dbg !4
}
!llvm.module.flags = !{!6}
!3 = distinct !DISubprogram(name: "f")
!4 = !DILocation(line: 1, scope: !3)
!5 = !{i32 0, i32 2}
!6 = !{i32 1, !"Code Model", i32 2}
`,
      ),
    );
    expect(distilled.text).not.toMatch(/dbg|!DI/);
    expect(distilled.text).toContain('!range !5');
    expect(distilled.text).toContain('!5 = !{i32 0, i32 2}');
    expect(distilled.text).toContain('!6 = !{i32 1, !"Code Model", i32 2}');
  });
});

describe('functions without an ftrace entry', () => {
  const text = (n: number, extra = ''): string => `${extra}define internal i32 @inlined(i32 %0) {
  ret i32 ${n}
}
define dso_local i32 @caller() {
  %1 = call i32 @inlined(i32 1)
  ret i32 %1
}
`;
  const untraceable = (name: string): boolean => name !== 'inlined';

  it('come along, and their callers are replaced', () => {
    const { selection, module } = distil(text(1), text(2), [], untraceable);
    expect(selection.entries.map((f) => f.name)).toEqual(['caller']);
    expect(module.globals.get('inlined')).toMatchObject({ declared: false, local: true });
  });

  it('are refused when a pointer to them is stored', () => {
    const table = '@table = internal global ptr @inlined, align 8\n';
    expect(() => distil(text(1, table), text(2, table), [], untraceable)).toThrow(
      expect.objectContaining({ code: 'not-traceable' }),
    );
  });

  it('are refused when other files may call them', () => {
    const global = (n: number): string => text(n).replace('define internal', 'define dso_local');
    expect(() => distil(global(1), global(2), [], untraceable)).toThrow(
      expect.objectContaining({ code: 'not-traceable' }),
    );
  });

  it('brings a table of labels along with the function that jumps by it', () => {
    const { module, selection } = distil(
      ...pair(
        (n) => `@f.to = internal unnamed_addr constant [1 x ptr] [ptr blockaddress(@f, %2)], align 8
define internal void @f(i32 %0) {
  %l = load ptr, ptr @f.to, align 8
  indirectbr ptr %l, [label %2]
2:
  store i32 ${n}, ptr null, align 4
  ret void
}
`,
      ),
    );
    expect(module.globals.get('f.to')).toMatchObject({
      declared: false,
      initialiser: '[ptr blockaddress(@f, %2)]',
    });
    expect(selection.addressTaken.size).toBe(0);
  });

  it('gives no fresh once flag to code whose own flag cannot be told', () => {
    const statics =
      '@f.___done = internal global i8 0, align 1\n@f.___done.1 = internal global i8 0, align 1\n';
    const module = (n: number): string =>
      `${statics}define dso_local void @f() {\n  store i8 ${n}, ptr @f.___done, align 1\n  store i8 ${n}, ptr @f.___done.1, align 1\n  ret void\n}\n`;
    expect(() => distil(...pair(module))).toThrow(/___done/);
  });

  const called = (n: number): string =>
    `define internal void @f() {\n  store i32 ${n}, ptr null, align 4\n  ret void\n}\n`;
  const isOther = (name: string): boolean => name !== 'f';

  it.each([
    [
      'a function',
      'define dso_local void @g() {\n  call void asm sideeffect "call f", ""()\n  ret void\n}\n',
    ],
    ['the file', 'module asm "  call f"\n'],
  ])('refuses an untraceable function that assembly in %s names', (_, user) => {
    expect(() => distil(called(1) + user, called(2) + user, [], isOther)).toThrow(/assembly/);
  });

  it('leaves callers alone that ran at boot', () => {
    const users = `define dso_local void @g() {\n  call void @f()\n  ret void\n}
define dso_local void @setup() section ".init.text" {\n  call void @f()\n  ret void\n}\n`;
    const { selection } = distil(called(1) + users, called(2) + users, [], isOther);
    expect(selection.entries.map((f) => f.name)).toEqual(['g']);
  });

  it('brings new global data along, also if only other objects use it', () => {
    const { module } = distil('', '@shared = dso_local global i32 42, align 4\n');
    expect(module.globals.get('shared')).toMatchObject({ declared: false, local: false, initialiser: '42' });
  });

  it('keeps what the compiler must not drop, also with typed pointers', () => {
    const use = (n: number): string =>
      `define dso_local void @f(i8* %0) {\n  store i8 ${n}, i8* %0, align 1\n  ret void\n}\n`;
    const kept = 'i8* getelementptr inbounds ([2 x i8], [2 x i8]* @kept, i32 0, i32 0)';
    const patched = `@kept = dso_local global [2 x i8] c"a\\00", align 1
@other = internal global i32 0, align 4
@llvm.compiler.used = appending global [2 x i8*] [${kept}, i8* bitcast (i32* @other to i8*)], section "llvm.metadata"
`;
    const { distilled } = distil(use(1), patched + use(2));
    expect(distilled.text).toContain(
      `@llvm.compiler.used = appending global [1 x i8*] [${kept}], section "llvm.metadata"`,
    );
  });

  it('declares functions with their types for indirect-call checks, where LLVM reads them', () => {
    const { distilled } = distil(
      ...pair(
        (n) => `declare !kcfi_type !1 void @outside(i32)
define internal void @inside(i32 noundef %0) #1 !kcfi_type !1 {
  call void @outside(i32 %0)
  ret void
}
define dso_local void @f() #1 !kcfi_type !2 {
  call void @outside(i32 ${n})
  call void @inside(i32 ${n})
  ret void
}
attributes #1 = { nounwind }
!1 = !{i32 17}
!2 = !{i32 18}
`,
      ),
    );
    expect(distilled.text).toContain('declare !kcfi_type !1 dso_local void @outside(i32)\n');
    expect(distilled.text).toContain('declare !kcfi_type !1 dso_local void @inside(i32 noundef) #1\n');
    expect(distilled.text).toMatch(/define dso_local void @f\(\) #1 !kcfi_type !2/);
    expect(distilled.text).toContain('!1 = !{i32 17}');
  });
});

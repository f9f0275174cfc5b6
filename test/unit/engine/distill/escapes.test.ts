import { describe, expect, it } from 'vitest';
import { diffModules } from '../../../../src/engine/diff/diff.js';
import { escapes } from '../../../../src/engine/distill/escapes.js';
import { refuseFreed } from '../../../../src/engine/distill/freed.js';
import { select } from '../../../../src/engine/distill/select.js';
import { parseModule } from '../../../../src/engine/ir/module.js';

function given(original: string, patched: string): string[] {
  const [a, b] = [parseModule(original, 'a.ll'), parseModule(patched, 'b.ll')];
  const selection = select(b, diffModules(a, b), 'x.c');
  return escapes(b, selection).map(({ what, from, how }) => `${from}: ${what}: ${how}`);
}

const f = (...lines: string[]): string =>
  `define dso_local void @f(ptr %0) {\n${lines.map((l) => `  ${l}\n`).join('')}  ret void\n}\n`;
const fresh = 'define internal void @fresh(ptr %0) {\n  ret void\n}\n';
const before = f();

describe('the address of a new function', () => {
  it.each([
    ['call void @queue(ptr noundef %0, ptr noundef nonnull @fresh) #3', 'passes it to queue()'],
    ['store ptr @fresh, ptr %0, align 8', 'stores it'],
    ['call void %0(ptr @fresh)', 'passes it on'],
    ['%2 = cmpxchg ptr %0, ptr null, ptr @fresh acq_rel monotonic', 'hands it on'],
    ['%2 = select i1 true, ptr @fresh, ptr null\n  store ptr %2, ptr %0', 'stores it'],
    [
      '%2 = ptrtoint ptr @fresh to i64\n  %3 = or i64 %2, 1\n  call void @queue(ptr %0, i64 %3)',
      'passes it to queue()',
    ],
    [
      '%2 = insertvalue { i64, ptr } undef, ptr @fresh, 1\n  store { i64, ptr } %2, ptr %0, align 8',
      'stores it',
    ],
    [
      'br label %2\n2:\n  %3 = phi ptr [ null, %1 ], [ %4, %2 ]\n  store ptr %3, ptr %0\n  %4 = select i1 true, ptr %3, ptr @fresh\n  br label %2',
      'stores it',
    ],
  ])('is given away by %s', (line, how) => {
    expect(given(before, `declare void @queue(ptr, ptr)\n${fresh}${f(line)}`)).toEqual([`f: fresh: ${how}`]);
  });

  it.each([
    'call void @fresh(ptr %0)',
    '%2 = icmp eq ptr %0, @fresh',
    '%2 = select i1 true, ptr @fresh, ptr @fresh\n  call void %2(ptr %0)',
    '%2 = select i1 true, ptr @fresh, ptr null\n  %3 = icmp eq ptr %2, %0',
  ])('is not given away by %s', (line) => {
    expect(given(before, fresh + f(line))).toEqual([]);
  });

  it('is given away with data that holds it, and that data is named', () => {
    const block = '@block = internal global { ptr, i32 } { ptr @fresh, i32 0 }, align 8\n';
    const use = `declare void @register(ptr)\n${block}${fresh}`;
    expect(given(before, use + f('call void @register(ptr nonnull @block)'))).toEqual([
      'f: block: passes it to register()',
    ]);
    expect(given(before, use + f('store i32 1, ptr @block, align 8', '%2 = load ptr, ptr @block'))).toEqual(
      [],
    );
  });

  it('is the kernel’s own when the function only changes', () => {
    const callback = (n: number): string => `define internal i32 @cb() {\n  ret i32 ${n}\n}\n`;
    const body = (n: number): string => f(`store i32 ${n}, ptr %0`, 'store ptr @cb, ptr %0, align 8');
    expect(given(callback(1) + body(1), callback(2) + body(2))).toEqual([]);
  });
});

describe('a text of the livepatch', () => {
  const text = '@.str = private unnamed_addr constant [4 x i8] c"new\\00", align 1\n';
  const withText = (...lines: string[]): string => `declare void @print(ptr)\n${text}${f(...lines)}`;

  it('is given away by what stores it in an object of the kernel', () => {
    const field = '%2 = getelementptr inbounds i8, ptr %0, i64 8';
    expect(given(before, withText(field, 'store ptr @.str, ptr %2, align 8, !tbaa !5'))).toEqual([
      'f: the text "new": stores it',
    ]);
  });

  it('is given away by a call of what keeps names', () => {
    const call = (f: string): string[] =>
      given(before, `declare i32 @${f}(i32, ptr)\n${withText(`%2 = call i32 @${f}(i32 5, ptr @.str)`)}`);
    expect(call('request_threaded_irq')).toEqual(['f: the text "new": passes it to request_threaded_irq()']);
    expect(call('__request_region')).toHaveLength(1);
    expect(call('pci_request_regions')).toHaveLength(1);
    expect(call('of_get_property')).toEqual([]);
  });

  // smp_store_release() of arm64, xchg() of x86.
  const release = (value: string, to: string): string =>
    `call void asm sideeffect "stlr $1, $0", "=*Q,rZ,~{memory}"(ptr elementtype(i64) ${to}, i64 ${value})`;
  const address = 'ptrtoint (ptr @.str to i64)';

  it('is given away by assembly that writes', () => {
    const exchange =
      '%2 = call ptr asm sideeffect "xchgq $0, $1", "=r,=*m,0,*m,~{memory}"(ptr elementtype(ptr) %0, ptr @.str, ptr elementtype(ptr) %0)';
    const stored = ['f: the text "new": stores it'];
    expect(given(before, withText(release(address, '%0')))).toEqual(stored);
    expect(given(before, withText(exchange))).toEqual(stored);
  });

  it('is not by assembly that writes elsewhere or not at all', () => {
    const own = '@own = internal global { i64, i64 } zeroinitializer, align 8\n';
    const field = 'getelementptr inbounds (i8, ptr @own, i64 8)';
    for (const line of [
      release(address, '@own'),
      release(address, field),
      release('1', field),
      `%2 = alloca i64\n  ${release(address, '%2')}`,
      'call void asm sideeffect "ud2; .long $0", "i,i"(ptr @.str, i32 1)',
    ]) {
      expect(given(before, own + withText(line))).toEqual([]);
    }
  });

  it('is given away by what stores one of two', () => {
    const other = '@.str.1 = private unnamed_addr constant [4 x i8] c"odd\\00", align 1\n';
    const choice = '%2 = select i1 true, ptr @.str, ptr @.str.1';
    const stored = ['f: the text "new": stores it', 'f: the text "odd": stores it'];
    expect(given(before, other + withText(choice, 'store ptr %2, ptr %0, align 8'))).toEqual(stored);
    expect(given(before, other + withText(choice, 'call void @print(ptr %2)'))).toEqual([]);
    expect(given(before, other + withText(choice, '%3 = alloca ptr', 'store ptr %2, ptr %3'))).toEqual([]);
  });

  it.each([
    [['call void @print(ptr noundef nonnull @.str)']],
    [
      [
        '%2 = alloca { i64, ptr }',
        '%3 = getelementptr i8, ptr %2, i64 8',
        'store ptr @.str, ptr %3, align 8',
      ],
    ],
    [['%2 = load i8, ptr @.str, align 1']],
    [['%2 = alloca ptr', 'store atomic ptr @.str, ptr %2 release, align 8']],
  ])('is not by %s', (lines) => {
    expect(given(before, withText(...lines))).toEqual([]);
  });

  it('is not by what stores it in data of the livepatch', () => {
    const own = '@own = internal global { i64, ptr } zeroinitializer, align 8\n';
    const field = 'ptr getelementptr inbounds (i8, ptr @own, i64 8)';
    for (const line of ['store ptr @.str, ptr @own', `store ptr @.str, ${field}`, `store i64 1, ${field}`]) {
      expect(given(before, own + withText(`${line}, align 8`))).toEqual([]);
    }
    const element = '%2 = getelementptr [2 x i64], ptr @own, i64 0, i64 1';
    expect(given(before, own + withText(element, 'store ptr @.str, ptr %2'))).toEqual([]);
    // What may be data of the kernel as well is that.
    const either = '%2 = select i1 true, ptr @own, ptr %0';
    expect(given(before, own + withText(either, 'store ptr @.str, ptr %2'))).toEqual([
      'f: the text "new": stores it',
    ]);
  });

  it('is given away by what copies a template that holds it', () => {
    const template = '@__const.f.x = private constant { ptr } { ptr @.str }, align 8\n';
    const copy = (to: string): string =>
      `call void @llvm.memcpy.p0.p0.i64(ptr align 8 ${to}, ptr align 8 @__const.f.x, i64 8, i1 false)`;
    expect(given(before, template + withText(copy('%0')))).toEqual(['f: __const.f.x: copies it']);
    expect(given(before, template + withText('%2 = alloca { ptr }', copy('%2')))).toEqual([]);
  });
});

describe('a new key of a lock class', () => {
  const module = (type: string, n: number): string => `%struct.lock_class_key = type ${type}
@f.__key = internal global %struct.lock_class_key zeroinitializer, align 8
declare void @init(ptr, ptr)
${f('call void @init(ptr %0, ptr @f.__key)', `store i32 ${n}, ptr %0`)}`;

  it('is given away where lock classes are something', () => {
    expect(given(before, module('{ [2 x i64] }', 1))).toEqual(['f: f.__key: passes it to init()']);
  });

  it('is nothing without lockdep, and the kernel’s own where it had one', () => {
    expect(given(before, module('{}', 1))).toEqual([]);
    expect(given(module('{ [2 x i64] }', 1), module('{ [2 x i64] }', 2))).toEqual([]);
  });
});

describe('what the kernel has freed', () => {
  const setup = 'define internal void @setup() section ".init.text" {\n  ret void\n}\n';
  const unit = { source: 'x.c', object: 'x.o', objname: 'vmlinux', compile: [], cwd: '/', dependencies: [] };
  const use = (original: string, patched: string) => () => {
    const [a, b] = [parseModule(original, 'a.ll'), parseModule(patched, 'b.ll')];
    const diff = diffModules(a, b);
    const selection = select(b, diff, 'x.c');
    for (const [name, reference] of selection.kernel)
      refuseFreed({ unit, diff, original: a }, selection, name, reference, '.init.text');
  };
  const call = 'call void @setup()';

  it('is refused in new code', () => {
    expect(use(setup + f(), setup + f(call))).toThrow(
      expect.objectContaining({
        code: 'init-code-used',
        message: 'f uses setup in .init.text, which the running kernel has freed',
      }),
    );
  });

  it('is left to code that used it before', () => {
    expect(use(setup + f(call), setup + f(call, 'store i32 1, ptr %0'))).not.toThrow();
  });
});

import { describe, expect, it } from 'vitest';
import { judgeInterfaces, type ComparedUnit } from '../../../../src/engine/diff/interface.js';
import { prototypesIn } from '../../../../src/engine/diff/prototype.js';
import { headOf } from '../../../../src/engine/patch/touched.js';
import { comparedIr, unitOf } from '../../../helpers/unit.js';

const compared = (before: string, after: string, source?: string): ComparedUnit =>
  comparedIr(before, after, unitOf(source, 'x.h'));

const header = { path: 'x.h', original: 'int f(int);\n', patched: 'int f(long);\n', changed: [] };

function judged(
  all: ComparedUnit[],
  { headers = false, exports = [] as string[], held = [] as string[] } = {},
): string[] {
  const { refusals, notes } = judgeInterfaces(
    all,
    headers ? [header] : [],
    (_, name) => exports.includes(name),
    (_, name) => held.includes(name),
  );
  return [...refusals.map((r) => `${r.code}: ${r.message}`), ...notes.map((n) => n.code)];
}

const no = (): boolean => false;

const f = (type: string, linkage = 'dso_local'): string =>
  `define ${linkage} i32 @f(${type} noundef %0) {\n  ret i32 0\n}\n`;
const caller = (type: string): string =>
  `define dso_local i32 @g() {\n  %1 = call i32 @f(${type} noundef 1)\n  ret i32 %1\n}\n`;
const table = (type: string): string => `declare i32 @f(${type})\n@ops = internal global ptr @f, align 8\n`;

describe('a function that changes its parameters', () => {
  it('is refused when callers in other files do not come along', () => {
    expect(judged([compared(f('i32'), f('i64'))])).toEqual([
      'signature-changed: the parameters or the result of f change, and callers in other files are not part of the patch',
    ]);
  });

  it('is refused when the header that changes does not speak of it', () => {
    const other = { path: 'y.h', original: 'int g(void);\n', patched: 'int h(void);\n', changed: [] };
    const { refusals } = judgeInterfaces(
      [compared(f('i32'), f('i64'))],
      [other],
      () => false,
      () => false,
    );
    expect(refusals.map(({ code }) => code)).toEqual(['signature-changed']);
  });

  it('may do so with its header, whose readers are all compared', () => {
    expect(judged([compared(f('i32'), f('i64'))], { headers: true })).toEqual([]);
  });

  it('is refused with its header too when it is exported: modules that nobody knows of call it', () => {
    expect(judged([compared(f('i32'), f('i64'))], { headers: true, exports: ['f'] })).toEqual([
      expect.stringMatching(/^export-changed: .* modules that are not part of this kernel may call it$/),
    ]);
  });

  it('is refused when another file keeps a pointer to it', () => {
    const all = [compared(f('i32'), f('i64')), compared(table('i32'), table('i64'), 'y.c')];
    expect(judged(all, { headers: true })).toEqual([
      expect.stringMatching(/^signature-changed: .* ops of y\.c holds a pointer to it$/),
    ]);
  });

  it('may do so when it is static and only called', () => {
    const unit = (type: string): string => f(type, 'internal') + caller(type);
    expect(judged([compared(unit('i32'), unit('i64'))])).toEqual([]);
  });

  it('is refused when it is static and a pointer to it is kept', () => {
    const unit = (type: string): string => `@ops = internal global ptr @f, align 8\n${f(type, 'internal')}`;
    expect(judged([compared(unit('i32'), unit('i64'))])).toEqual([
      expect.stringMatching(/^signature-changed/),
    ]);
  });

  it('does not change them when more is known of a value', () => {
    const known = (attributes: string): string =>
      `define dso_local ${attributes}i32 @f(ptr ${attributes === '' ? '' : 'nonnull '}noundef %0) {\n  ret i32 0\n}\n`;
    expect(judged([compared(known(''), known('range(i32 0, 2) '))])).toEqual([]);
  });
});

describe('a function that changes its type for kCFI alone', () => {
  const typed = (hash: number, linkage: string, holder = ''): string =>
    `${holder}define ${linkage} i32 @f(ptr noundef %0) !kcfi_type !1 {\n  ret i32 0\n}\n!1 = !{i32 ${hash}}\n`;
  const ops = '@ops = internal global ptr @f, align 8\n';
  const refusal = (holder: string): string =>
    `signature-changed: the type of f changes, which this kernel checks when it is called by a pointer (kCFI), and ${holder} holds a pointer to it`;

  it('is refused when a pointer to it is kept: the old function has the old type', () => {
    const unit = (hash: number): string => typed(hash, 'internal', ops);
    expect(judged([compared(unit(1), unit(2))])).toEqual([refusal('ops')]);
  });

  it('is refused when the patch is the first to keep one', () => {
    const before = typed(1, 'dso_local');
    const after = typed(2, 'dso_local', ops);
    expect(judged([compared(before, after)], { headers: true })).toEqual([refusal('ops')]);
  });

  it('is refused when a file keeps one that does not differ', () => {
    const all = [compared(typed(1, 'dso_local'), typed(2, 'dso_local'))];
    expect(judged(all, { headers: true, held: ['f'] })).toEqual([refusal('another file')]);
  });

  it('may do so when it is only called', () => {
    expect(judged([compared(typed(1, 'dso_local'), typed(2, 'dso_local'))], { headers: true })).toEqual([]);
  });
});

describe('a function that goes', () => {
  const other = 'define dso_local void @other() {\n  ret void\n}\n';

  it('is refused when its header stays: others may call it, or a weak one has to take its place', () => {
    expect(judged([compared(f('i32') + other, other)])).toEqual([
      expect.stringMatching(/^function-removed: the patch takes f away/),
    ]);
  });

  it.each([
    ['is gone from its header too', 'int g(int);\n', 'function-left-behind'],
    ['is defined by its header', 'static inline int f(int x)\n{\n\treturn 0;\n}\n', 'function-left-behind'],
    ['is a macro of its header', '# define f(x) 0\n', 'function-left-behind'],
    ['is declared still, so a weak one takes its place', 'int f(int);\nint g(int);\n', 'function-removed'],
  ])('that %s', (_, patched, code) => {
    const unit = compared(f('i32') + other, other);
    const file = { ...header, patched };
    const { refusals, notes } = judgeInterfaces([unit], [file], no, no);
    expect([...refusals, ...notes].map((one) => one.code)).toEqual([code]);
  });

  it('may go when it is static', () => {
    expect(judged([compared(f('i32', 'internal') + other, other)])).toEqual([]);
  });
});

describe('the source type of a function', () => {
  const module = (pointee: string): string => `source_filename = "x.c"
!1 = distinct !DISubprogram(name: "f", scope: !2, file: !2, line: 1, type: !3, spFlags: DISPFlagDefinition, unit: !9)
!3 = !DISubroutineType(types: !4)
!4 = !{null, !5, !8}
!5 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: ${pointee}, size: 64)
!6 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!7 = !DIDerivedType(tag: DW_TAG_const_type, baseType: !10)
!8 = !DIDerivedType(tag: DW_TAG_typedef, name: "size_t", baseType: !6)
!10 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "s", size: 32)
`;

  it('tells pointers apart that are one type in code', () => {
    expect(prototypesIn(module('!6')).get('f')).toBe('void (int *, size_t)');
    expect(prototypesIn(module('!7')).get('f')).toBe('void (const structure s *, size_t)');
  });

  it('is looked for only when the head of its definition changes', () => {
    const text = 'int g(void);\n\nstatic inline int\nf(int a,\n  long b)\n{\n\treturn f2(a);\n}\n';
    expect(headOf(text, 'f')).toBe('static inline int f(int a, long b) {');
    expect(headOf(text.replace('long b', 'long  b'), 'f')).toBe(headOf(text, 'f'));
    expect(headOf(text, 'f2')).toBeUndefined();
    expect(headOf('DEFINE(f)\n', 'f')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { parseModule } from '../../../../src/engine/ir/module.js';
import { writesOf, type Writes } from '../../../../src/engine/klp/callback-writes.js';

/** What a function with this body does to `@v`, `@w` (`struct s`, writable) and `@c` (const). */
function writes(...body: string[]): Writes {
  const text = `%struct.s = type { i32, ptr }
@v = external global %struct.s, align 8
@w = external global %struct.s, align 8
@c = external constant i32, align 4
@own = internal global ptr null
define internal void @f(i64 %0, i1 %1) {
  ${body.join('\n  ')}
  ret void
}
`;
  return writesOf(parseModule(text, 'test.ll'));
}

const asm = (constraints: string, operands: string): string =>
  `call void asm sideeffect "lock; op $0", "${constraints}"(${operands})`;

describe('callbacks write to a variable', () => {
  it.each([
    ['a store', ['store i32 1, ptr @v, align 8']],
    ['a volatile store', ['store volatile i32 1, ptr @v, align 8']],
    [
      'a typed pointer',
      ['store i32 1, i32* getelementptr inbounds (%struct.s, %struct.s* @v, i64 0, i32 0)'],
    ],
    ['a member', ['store ptr @w, ptr getelementptr inbounds (i8, ptr @v, i64 8), align 8']],
    ['an atomic operation', ['%3 = atomicrmw add ptr @v, i32 1 seq_cst, align 4']],
    ['compare and swap', ['%3 = cmpxchg weak volatile ptr @v, i32 0, i32 1 seq_cst seq_cst, align 4']],
    ['memset', ['call void @llvm.memset.p0.i64(ptr align 8 @v, i8 0, i64 16, i1 false)']],
    ['assembly', [asm('=*m,er,*m,~{memory}', 'ptr elementtype(i32) @v, i32 1, ptr elementtype(i32) @w')]],
    ['assembly with a result', [asm('={ax},=*m,r', 'ptr elementtype(i32) @v, i32 1')]],
    [
      'a computed address',
      ['%3 = getelementptr inbounds [9 x i32], ptr @v, i64 0, i64 %0', 'store i32 1, ptr %3, align 4'],
    ],
    [
      'an address that goes round a loop',
      [
        '%3 = phi ptr [ @c, %2 ], [ %4, %5 ]',
        '%4 = select i1 %1, ptr %3, ptr getelementptr (i8, ptr @v, i64 4)',
        'store i32 1, ptr %3, align 4',
      ],
    ],
  ])('by %s', (_, body) => {
    expect([...writes(...body).written]).toEqual(['v']);
  });

  it.each([
    ['reads it', ['%3 = load i32, ptr @v, align 4']],
    ['copies it', ['%3 = alloca i32', 'call void @llvm.memcpy.p0.p0.i64(ptr %3, ptr @v, i64 4, i1 false)']],
    ['reads it in assembly', [asm('=r,*m', 'ptr elementtype(i32) @v')]],
    ['writes where it points', ['%3 = load ptr, ptr @v, align 8', 'store i32 1, ptr %3, align 4']],
  ])('but not code that %s', (_, body) => {
    expect(writes(...body)).toEqual({ written: new Set(), handedOn: new Set() });
  });

  it.each([
    ['an argument', 'call void @take(i32 1, ptr noundef @v)'],
    ['a variable argument', 'tail call i32 (ptr, ...) @_printk(ptr @c, ptr @v)'],
    ['a stored address', 'store ptr @v, ptr @own, align 8'],
    ['an operand of assembly', asm('r,~{memory}', 'ptr @v')],
  ])('perhaps, where they hand it on as %s', (_, line) => {
    expect(writes(line)).toEqual({ written: new Set(), handedOn: new Set(['v']) });
  });
});

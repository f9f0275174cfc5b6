import { describe, expect, it } from 'vitest';
import { withRuntimeConstants } from '../../../../src/engine/distill/runtimeconst.js';
import { parseModule, type IrFunction } from '../../../../src/engine/ir/module.js';

const text = String.raw`@table = internal unnamed_addr global ptr null, align 8
define internal ptr @f(i64 %0) {
  %2 = tail call ptr asm "mov $1,$0\0A1:\0A.pushsection runtime_ptr_table,\22a\22\0A\09.long 1b - ${'$'}{2:c} - .\0A.popsection", "=r,i,i,~{flags}"(i64 81985529216486895, i64 8) #1, !srcloc !1
  %3 = tail call i64 asm "shrl $$12,${'$'}{0:k}\0A1:\0A.pushsection runtime_shift_bits,\22a\22\0A\09.long 1b - 1 - .\0A.popsection", "=r,0,~{flags}"(i64 %0) #1
  %4 = call i32 asm "1:\09lsr ${'$'}{0:w},${'$'}{1:w},#12\0A\09.pushsection runtime_shift_bits,\22a\22", "=r,r"(i32 %5) #1
  ret ptr %2
}
define internal void @g() {
  %1 = tail call i64 asm "mov $1,$0\0A.pushsection runtime_ptr_table", "=r,i"(i64 1)
  ret void
}
attributes #1 = { nounwind }
!1 = !{i64 1}
`;

describe('constants that the kernel writes into its code while it boots', () => {
  const module = withRuntimeConstants(parseModule(text, 'x.ll'), new Set(['f']));
  const { body } = module.globals.get('f') as IrFunction;

  it('are read from their variables', () => {
    expect(body).toContain('%2 = load ptr, ptr @table, align 8');
    expect(body).toContain('%klp.shift.1 = load i32, ptr @bits, align 4');
    expect(body).not.toContain('asm');
  });

  it('shift 32 bits and clear what is above', () => {
    expect(body).toMatch(
      /%klp\.shift\.1\.low = trunc i64 %0 to i32\n *%klp\.shift\.1\.high = lshr i32 %klp\.shift\.1\.low, %klp\.shift\.1\n *%3 = zext i32 %klp\.shift\.1\.high to i64/,
    );
    expect(body).toContain('%4 = lshr i32 %5, %klp.shift.2');
  });

  it('become known as variables of the kernel', () => {
    expect(module.globals.get('bits')).toMatchObject({ declared: true, type: 'i32' });
    expect(module.globals.get('table')).toMatchObject({ declared: false });
  });

  it('stay as they are in functions that the livepatch does not bring', () => {
    expect((module.globals.get('g') as IrFunction).body).toContain('runtime_ptr_table');
  });

  it('are read through typed pointers where the text has those (LLVM 14)', () => {
    const typed = parseModule(
      text.replaceAll('ptr null', 'i8* null').replaceAll(/\bptr\b(?= [@%a-z])/g, 'i8*'),
      'y.ll',
    );
    const read = withRuntimeConstants(typed, new Set(['f'])).globals.get('f') as IrFunction;
    expect(read.body).toContain('%2 = load i8*, i8** @table, align 8');
    expect(read.body).toContain('load i32, i32* @bits, align 4');
  });
});

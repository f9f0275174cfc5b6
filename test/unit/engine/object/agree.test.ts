import { describe, expect, it } from 'vitest';
import { diffModules, type ModuleDiff } from '../../../../src/engine/diff/diff.js';
import { parseModule } from '../../../../src/engine/ir/module.js';
import { agree, type Viewed } from '../../../../src/engine/object/agree.js';
import { readListing } from '../../../../src/engine/object/listing.js';
import type { TranslationUnit } from '../../../../src/engine/types.js';

const unit: TranslationUnit = {
  object: 'a.o',
  objname: 'vmlinux',
  source: 'a.c',
  cwd: '/',
  compile: ['clang', 'a.c'],
  dependencies: ['a.c'],
};

/** IR and listing of a module whose function `f` holds an addition, and whose variable `v` points at it. */
const version = (ir: string, code: string): { ir: string; code: string } => ({
  ir: `define internal i32 @f(i32 %0) {
  ${ir}
  ret i32 %2
}
@v = dso_local global ptr @f, align 8
`,
  code: `	.text
	.type	f,@function
f:
	${code}
.Lfunc_end0:
	.size	f, .Lfunc_end0-f
	.type	v,@object
	.data
v:
	.quad	f
	.size	v, 8
`,
});

function compared(
  a: { ir: string; code: string },
  b: { ir: string; code: string },
): { same: string[]; diff: ModuleDiff } {
  const viewed = (v: typeof a): Viewed => ({
    module: parseModule(v.ir, 'a.ll'),
    listing: readListing(v.code),
  });
  const [original, patched] = [viewed(a), viewed(b)];
  return agree(unit, original, patched, diffModules(original.module, patched.module));
}

const plain = version('%2 = add i32 %0, 1', 'incl	%eax');

describe('agree', () => {
  it('keeps what both comparisons find', () => {
    const { same, diff } = compared(plain, version('%2 = add i32 %0, 2', 'addl	$2, %eax'));
    expect([same, [...diff.changed], [...diff.changedData]]).toEqual([[], ['f'], []]);
  });

  it('keeps a variable of another type, though it starts with the same bytes', () => {
    const typed = (type: string): { ir: string; code: string } => ({
      ir: `@v = dso_local global [2 x ${type}] zeroinitializer, align 8\n`,
      code: '	.type	v,@object\n	.bss\nv:\n	.zero	16\n	.size	v, 16\n',
    });
    const { same, diff } = compared(typed('ptr'), typed('i64'));
    expect([same, [...diff.changedData]]).toEqual([[], ['v']]);
  });

  it('leaves out what compiles to the code that runs already', () => {
    const { same, diff } = compared(plain, version('%2 = add nsw i32 %0, 1', 'incl	%eax'));
    expect([same, [...diff.changed]]).toEqual([['f'], []]);
  });

  it('refuses when the code of a function differs and its IR does not', () => {
    expect(() => compared(plain, { ...plain, code: plain.code.replace('incl', 'decl') })).toThrow(
      expect.objectContaining({
        code: 'comparisons-disagree',
        message: expect.stringContaining('"incl %eax" is "decl %eax"') as string,
      }),
    );
  });

  it('refuses when the content of a variable differs and its IR does not', () => {
    expect(() => compared(plain, { ...plain, code: plain.code.replace('.quad	f', '.quad	f+4') })).toThrow(
      expect.objectContaining({ code: 'comparisons-disagree' }),
    );
  });

  it('takes a text for no name, also where sanitizers leave globals that are called by numbers', () => {
    const texts = (n: number): { ir: string; code: string } => ({
      ir: `@v = internal constant [2 x i8] c"1\\00"
@0 = internal global i32 0
@1 = internal global i32 ${n}
`,
      code: '	.type	v,@object\nv:\n	.asciz	"1"\n	.size	v, 2\n',
    });
    const { same, diff } = compared(texts(0), texts(1));
    expect([same, [...diff.changed]]).toEqual([[], []]);
  });

  it('keeps a function whose code is the same and reads a table that is not', () => {
    const reader = (n: number): { ir: string; code: string } => ({
      ir: `@t = internal unnamed_addr constant [2 x i32] [i32 1, i32 ${n}], align 4
define dso_local i32 @f() {
  %1 = load i32, ptr @t, align 4
  ret i32 %1
}
`,
      code: `	.type	f,@function
f:
	movl	t(%rip), %eax
	.size	f, .Lfunc_end0-f
	.type	t,@object
t:
	.long	1
	.long	${n}
	.size	t, 8
`,
    });
    const { same, diff } = compared(reader(2), reader(3));
    expect([same, [...diff.changed]]).toEqual([[], ['f']]);
  });

  it('does not take a new function for an old one of its name', () => {
    const clone = (n: number): { ir: string; code: string } => ({
      ir: `define internal i32 @g.1(i32 %0) {
  ret i32 ${n}
}
define dso_local i32 @f(i32 %0) {
  %2 = call i32 @g.1(i32 %0)
  ret i32 %2
}
`,
      code: ['g.1', 'f']
        .map((f) => `	.type	${f},@function\n${f}:\n	callq	${f === 'f' ? 'g.1' : String(n)}\n	.size	${f}, 9\n`)
        .join(''),
    });
    const { same, diff } = compared(clone(1), clone(2));
    expect([same, [...diff.changed]]).toEqual([[], ['f']]);
  });
});

import { describe, expect, it } from 'vitest';
import { codeOf, readListing } from '../../../../src/engine/object/listing.js';

/** A function as a compiler lists it. */
const listed = (name: string, n: number, body: string): string =>
  `	.text
	.globl	${name}
	.p2align	4, 0x90
	.type	${name},@function
${name}:
.Lfunc_begin${n}:
${body}
.Lfunc_end${n}:
	.size	${name}, .Lfunc_end${n}-${name}
`;

const table = (label: string, ...targets: string[]): string =>
  `	.section	.rodata,"a",@progbits
	.p2align	3, 0x0
${label}:
${targets.map((t) => `	.quad	${t}`).join('\n')}
`;

const text = (label: string, content: string): string =>
  `	.type	${label},@object
	.section	.rodata.str1.1,"aMS",@progbits,1
${label}:
	.asciz	"${content}"
	.size	${label}, ${content.length + 1}
`;

const code = (listing: string, name = 'f'): string | undefined =>
  codeOf(readListing(listing), name, (symbol) => symbol);

describe('the code of a function in a listing', () => {
  it('does not depend on where the function stands', () => {
    const body = (n: number): string => `	jne	.LBB${n}_2\n	callq	g\n.LBB${n}_2:\n	retq`;
    const moved = `${listed('e', 0, '	retq')}${listed('f', 1, body(1))}`;
    expect(code(moved)).toBe(code(listed('f', 0, body(0))));
    expect(code(moved)).toContain('callq	g');
  });

  it('depends on which of its labels is meant', () => {
    const body = (to: string): string => `	jne	.LBB0_${to}\n.LBB0_1:\n	nop\n.LBB0_2:\n	retq`;
    expect(code(listed('f', 0, body('1')))).not.toBe(code(listed('f', 0, body('2'))));
  });

  it('has private constants and tables of jumps by content', () => {
    const body = (n: number, s: number): string =>
      `	jmpq	*.LJTI${n}_0(,%rax,8)\n.LBB${n}_1:\n	movq	$.L.str.${s}, %rdi\n.LBB${n}_2:\n	retq`;
    const one = listed('f', 0, body(0, 1)) + table('.LJTI0_0', '.LBB0_1', '.LBB0_2') + text('.L.str.1', 'a');
    const two = listed('f', 7, body(7, 5)) + table('.LJTI7_0', '.LBB7_1', '.LBB7_2') + text('.L.str.5', 'a');
    expect(code(two)).toBe(code(one));
    expect(code(one.replace('"a"', '"b"'))).not.toBe(code(one));
    expect(code(one.replace('.quad	.LBB0_2', '.quad	.LBB0_1'))).not.toBe(code(one));
  });

  it('has the labels that assembly numbers by what they are for', () => {
    const body = (n: number): string => `	#APP\n${n}:\n	.pushsection .x\n	.long ${n}b - .\n	.popsection\n	#NO_APP`;
    expect(code(listed('f', 0, body(912)))).toBe(code(listed('f', 0, body(57))));
    expect(code(listed('f', 0, body(912).replace('912b', '911b')))).not.toBe(code(listed('f', 0, body(912))));
  });

  it('has section, alignment and visibility', () => {
    const f = listed('f', 0, '	retq');
    expect(code(f.replace('.text', '.section	.noinstr.text,"ax",@progbits'))).not.toBe(code(f));
    expect(code(f.replace('.p2align	4', '.p2align	5'))).not.toBe(code(f));
    expect(code(f.replace('.globl', '.weak'))).not.toBe(code(f));
  });

  it('has no places in the source', () => {
    const f = listed('f', 0, '	retq');
    const debug = f.replace('	retq', '.Ltmp3:\n	.loc	1 20 3\n	retq\n.Ltmp4:');
    expect(code(debug)).toBe(code(f));
  });

  it('is there for functions with a type check in front, and for names in quotes', () => {
    const f = listed('f', 0, '	retq').replace(
      '\nf:',
      '\n	.type	__cfi_f,@function\n__cfi_f:\n	movl	$12, %eax\n	.size	__cfi_f, .Ltmp9-__cfi_f\nf:',
    );
    expect(code(f)).toContain('movl	$12');
    expect(code(f)).toContain('retq');
    expect(code(listed('"a b"', 0, '	retq'), 'a b')).toContain('retq');
  });
});

describe('the content of data in a listing', () => {
  const data = (name: string, rest: string): string => `	.type	${name},@object\n${rest}`;

  it('has the section that data before it chose', () => {
    const first = data('a', '	.data\n	.p2align	3, 0x0\na:\n	.quad	1\n	.size	a, 8\n');
    const second = data('b', '	.p2align	3, 0x0\nb:\n	.quad	f\n	.size	b, 8\n');
    expect(code(first + second, 'b')).toBe(code(second.replace('b,@object', 'b,@object\n	.data'), 'b'));
    expect(code(first.replace('.data', '.bss') + second, 'b')).not.toBe(code(first + second, 'b'));
  });

  it('has no section where a size is all that there is', () => {
    const zero = data('z', '	.local	z\n	.comm	z,4,4\n');
    expect(code(`	.data\n${zero}`, 'z')).toBe(code(`	.bss\n${zero}`, 'z'));
    expect(code(zero.replace('4,4', '8,4'), 'z')).not.toBe(code(zero, 'z'));
  });

  it('is undefined for what the listing does not define', () => {
    expect(code(data('z', '	.comm	z,4,4\n'), 'y')).toBeUndefined();
  });
});

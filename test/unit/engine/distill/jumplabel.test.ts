import { describe, expect, it } from 'vitest';
import { readKeysAtRunTime } from '../../../../src/engine/distill/jumplabel.js';

const record = String.raw`1: nop\0A .pushsection __jump_table, \22aw\22\0A .quad ${'$'}{0:c} - .\0A .popsection`;

/** The branch of `operands` (constraints, then what stands in brackets) between two other instructions. */
function rewritten(constraints: string, operands: string): { text: string; keys: string[] } {
  const keys: string[] = [];
  const body = `  %1 = add i32 %0, 1
  callbr void asm sideeffect "${record}", "${constraints}"(${operands}) #3
          to label %4 [label %2], !srcloc !6

2:                                                ; preds = %1
  ret void
`;
  return { text: readKeysAtRunTime(body, new Set(['key', 'st']), (key) => keys.push(key)), keys };
}

/** What the branch computes from the address of its key and the key's state; does it jump? */
function jumps(text: string, address: bigint, state: bigint): boolean {
  const values = new Map<string, bigint>();
  const valueOf = (token: string): bigint =>
    values.get(token) ?? (token === 'true' ? 1n : token === 'false' ? 0n : BigInt(token));
  const operations: Record<string, (a: bigint, b: bigint) => bigint> = {
    add: (a, b) => a + b,
    and: (a, b) => a & b,
    xor: (a, b) => a ^ b,
  };
  for (const line of text.split('\n')) {
    const [, name = '', what = ''] = /^ *(%klp\.\S+) = (.*)$/.exec(line) ?? [];
    const two = /^(add|and|xor) i\d+ (\S+), (\S+)$/.exec(what);
    const one = /^(zext|trunc|inttoptr) i\d+ (\S+) to \S+$/.exec(what);
    if (name === '') continue;
    if (what.startsWith('ptrtoint ')) values.set(name, address);
    else if (two)
      values.set(name, operations[two[1] ?? '']?.(valueOf(two[2] ?? ''), valueOf(two[3] ?? '')) ?? 0n);
    else if (one) values.set(name, one[1] === 'trunc' ? valueOf(one[2] ?? '') & 1n : valueOf(one[2] ?? ''));
    else if (what.startsWith('load atomic ')) {
      const place = /(%\S+) monotonic/.exec(what)?.[1] ?? '';
      expect(valueOf(place)).toBe(address & ~3n);
      values.set(name, state);
    } else if (what.startsWith('icmp ne ')) values.set(name, state === 0n ? 0n : 1n);
    else throw new Error(`not understood: ${line}`);
  }
  const [, condition = '', taken] = /br i1 (\S+), label (%\d+), label %4/.exec(text) ?? [];
  expect(taken).toBe('%2');
  return valueOf(condition) === 1n;
}

describe('static branches whose key is read at run time', () => {
  it.each([
    ['an operand of its own', 'i,i,!i,~{memory}', 'ptr nonnull @key, i1 false', 0x1000n, false],
    ['an operand of its own', 'i,i,!i,~{memory}', 'ptr @key, i1 true', 0x1000n, true],
    ['a number, with a note for tools', 'i,i,!i', 'ptr @key, i32 2', 0x1000n, false],
    ['a number, with a note for tools', 'i,i,!i', 'ptr @key, i64 3', 0x1000n, true],
    ['part of the address', 'i,!i', 'ptr nonnull @key', 0x1000n, false],
    ['part of the address', 'i,!i', 'ptr nonnull getelementptr inbounds (i8, ptr @st, i64 9)', 0x1009n, true],
  ])('have a sense that is %s (%s, %s)', (_, constraints, operands, address, sense) => {
    const { text, keys } = rewritten(constraints, operands);
    expect(keys).toHaveLength(1);
    expect(text).not.toContain('callbr');
    expect(text).toMatch(/^ {2}%1 = add i32 %0, 1\n/);
    expect(text).toMatch(/\n\n2: {2}/);
    for (const state of [0n, 1n]) expect(jumps(text, address, state)).toBe((state === 1n) !== sense);
  });

  it('may have typed pointers and name their block by an operand (LLVM 14)', () => {
    const operands =
      'i8* getelementptr inbounds (i8, i8* bitcast (%struct.k* @key to i8*), i64 1), i8* blockaddress(@f, %2)';
    const { text } = rewritten('i,i', operands);
    expect(text).toContain(
      'ptrtoint i8* getelementptr inbounds (i8, i8* bitcast (%struct.k* @key to i8*), i64 1) to i64',
    );
    expect(text).toMatch(/inttoptr i64 \S+ to i32\*\n.*load atomic i32, i32\* /);
    expect(text).not.toContain('blockaddress');
    expect(jumps(text, 0x1001n, 0n)).toBe(true);
  });

  it('stay as they are when their key is known', () => {
    const { text, keys } = rewritten('i,!i', 'ptr nonnull @other');
    expect(text).toContain('callbr');
    expect(keys).toEqual([]);
  });
});

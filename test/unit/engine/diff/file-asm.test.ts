import { describe, expect, it } from 'vitest';
import { compareAssembly, type AssemblyDiff } from '../../../../src/engine/diff/file-asm.js';

/** Lines as the IR has them. */
const ir = (...lines: string[]): string[] =>
  lines.map((line) => `"${line.replaceAll('"', '\\22').replaceAll('\t', '\\09')}"`);

const diff = (before: string[], after: string[]): AssemblyDiff =>
  compareAssembly(ir(...before), ir(...after));
const none: AssemblyDiff = { added: [], removed: [] };

const exported = (name: string): string[] => [
  `.section ".export_symbol","a" ; __export_symbol_${name}: ; .asciz "GPL" ; .quad ${name} ; .previous`,
];
const initcall = (name: string, n = 1): string[] => [
  '.section	".initcall5.init", "a"		',
  `__initcall__kmod_x__${n}_24_${name}5:			`,
  `.long	${name} - .	`,
  '.previous					',
];
const staticCall = (name: string): string[] => [
  '.pushsection .static_call.text, "ax"		',
  `__SCT__${name}:`,
  '986: ',
  '	.pushsection .discard.noendbr',
  '	.long 986b',
  '	.popsection',
  '	.byte 0xe9; .long 0x0f',
  '.popsection					',
];
const trampoline = ['.text', 'trampoline:', '	pushq %rsp', '	pushfq', '	ret'];

describe('assembly of a file', () => {
  it('differs when two of its instructions change places', () => {
    const [text = '', name = '', first = '', second = '', ...rest] = trampoline;
    const found = diff(trampoline, [text, name, second, first, ...rest]);
    expect(found.added).toEqual(found.removed);
    expect(['pushq %rsp', 'pushfq']).toContain(found.added.join());
  });

  it.each([
    ['exports', exported('a'), exported('b')],
    ['initcalls', initcall('a'), initcall('b')],
    ['static calls with sections within', staticCall('a'), staticCall('b')],
    ['an export and code', exported('a'), trampoline],
    ['a static call and code', staticCall('a'), trampoline],
  ])('is the same when %s stand in another order', (_, a, b) => {
    expect(diff([...a, ...b], [...b, ...a])).toEqual(none);
  });

  it.each([
    ['a line', [...exported('a'), ...trampoline], trampoline],
    ['a line of a record', staticCall('a'), staticCall('a').filter((l) => !l.includes('986:'))],
    ['a record', [...initcall('a'), ...initcall('b')], initcall('b')],
    ['one of two equal records', [...exported('a'), ...exported('a')], exported('a')],
  ])('differs by %s', (_, before, after) => {
    expect(diff(before, after).removed).not.toEqual([]);
    expect(diff(after, before).added).not.toEqual([]);
  });

  it.each([
    ['two lines of a record', staticCall('a'), (r: string[]) => [...r.slice(0, 6), r[7] ?? '', r[6] ?? '']],
    [
      'an entry of a list whose order counts',
      [
        '.pushsection .BTF_ids,"a"',
        'list:',
        '.popsection',
        '.pushsection .BTF_ids,"a"',
        '.zero 4',
        '.popsection',
      ],
      (r: string[]) => [...r.slice(3), ...r.slice(0, 3)],
    ],
    [
      'a record of a place in code',
      ['1: nop', '.pushsection .static_call_sites', '.long 1b', '.popsection', '1: ret'],
      (r: string[]) => [r[0] ?? '', r[4] ?? '', ...r.slice(1, 4)],
    ],
    [
      'a section that does not end',
      ['.section .export_symbol', '.long a', '.section .text', 'nop'],
      (r: string[]) => [...r.slice(2), ...r.slice(0, 2)],
    ],
  ])('differs when %s moves', (_, before, move) => {
    expect(diff(before, move(before))).not.toEqual(none);
  });

  it('is compared without counters, and told as it was written', () => {
    expect(diff(initcall('a', 1), initcall('a', 2))).toEqual(none);
    expect(diff([], ['	.asciz "x\\\\"']).added).toEqual(['.asciz "x\\"']);
  });
});

import { describe, expect, it } from 'vitest';
import { readKlpTables } from '../../../src/check/klp-tables.js';
import { SHF, STT } from '../../../src/engine/elf/constants.js';
import { readElf } from '../../../src/engine/elf/read.js';
import { writeElf } from '../../../src/engine/elf/write.js';
import { rela, relocations, section, symbol } from '../../helpers/elf.js';
import { toyLivepatch, type ToyLivepatch } from '../../helpers/toy-livepatch.js';

const two: ToyLivepatch = {
  objects: [
    { object: 'vmlinux', functions: [{ name: 'f' }, { name: 'g', sympos: 2 }] },
    { object: 'ext4', callbacks: true, functions: [{ name: 'ext4_h' }] },
  ],
};
const functionsOfTwo = [
  { object: 'vmlinux', name: 'f', sympos: 0 },
  { object: 'vmlinux', name: 'g', sympos: 2 },
  { object: 'ext4', name: 'ext4_h', sympos: 0 },
];

describe('readKlpTables', () => {
  it('finds every function with its object and position', () => {
    const file = readElf(writeElf(toyLivepatch(two)), 'x.ko');
    expect(readKlpTables(file)).toEqual({ ok: true, list: functionsOfTwo });
  });

  it.each([
    { object: 56, function: 48 },
    { object: 168, function: 120 },
    { object: 200, function: 256 },
  ])('works out how large the structures are: %o', (sizes) => {
    expect(readKlpTables(toyLivepatch({ ...two, sizes }))).toEqual({ ok: true, list: functionsOfTwo });
  });

  it('takes an object that has callbacks alone', () => {
    const objects = [{ object: 'vmlinux', callbacks: true, functions: [] }];
    expect(readKlpTables(toyLivepatch({ objects }))).toEqual({ ok: true, list: [] });
  });

  it('does not take another structure that names the module for it', () => {
    const file = toyLivepatch(two);
    const module = file.symbols.find((s) => s.name === '__this_module') ?? symbol('');
    const code = file.symbols.find((s) => s.name === 'new_code') ?? symbol('');
    const operations = section('.data.rel', SHF.ALLOC | SHF.WRITE, 256);
    file.sections.push(operations, relocations(operations, [rela(0, module, 0n, 1), rela(8, code, 0n, 1)]));
    expect(readKlpTables(file)).toEqual({ ok: true, list: functionsOfTwo });
  });

  it('says so when there is no table, or nothing tells its size', () => {
    const none = toyLivepatch(two);
    none.sections = none.sections.filter((s) => s.relocation === undefined);
    expect(readKlpTables(none)).toMatchObject({ ok: false });
    const stripped = toyLivepatch(two);
    stripped.symbols = stripped.symbols.filter((s) => s.type !== STT.OBJECT || s.name === '__this_module');
    expect(readKlpTables(stripped)).toMatchObject({
      ok: false,
      why: expect.stringContaining('no readable table') as string,
    });
  });

  it('says so when two could be meant', () => {
    const file = toyLivepatch(two);
    const data = file.sections.find((s) => s.name === '.data');
    const copy = section('.data.copy', SHF.ALLOC | SHF.WRITE, 16);
    const own = file.sections.find((s) => s.relocation?.target === data)?.relocation?.entries ?? [];
    file.sections.push(copy, relocations(copy, own.slice(0, 2)));
    expect(readKlpTables(file)).toMatchObject({
      ok: false,
      why: expect.stringContaining('several') as string,
    });
  });
});

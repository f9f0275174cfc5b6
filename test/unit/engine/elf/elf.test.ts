import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHF, SHN, SHT, STB, STT } from '../../../../src/engine/elf/constants.js';
import { readElf } from '../../../../src/engine/elf/read.js';
import { writeElf } from '../../../../src/engine/elf/write.js';
import { KlpError } from '../../../../src/shared/errors.js';
import { code, elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

/** Made by clang and ld.lld; see make.sh there. */
const toy = (name: string): Uint8Array =>
  readFileSync(join(import.meta.dirname, '../../../fixtures/symbols', name));

describe('readElf', () => {
  it('reads what clang wrote, whose sections and symbols share one string table', () => {
    const file = readElf(toy('first/dup.o'), 'dup.o');
    expect(file.machine).toBe(62);
    expect(file.sections.map((s) => s.name)).toEqual(expect.arrayContaining(['.text', '.rela.text', '.bss']));
    expect(file.sections.find((s) => s.name === '.bss')).toMatchObject({ type: SHT.NOBITS, size: 4 });
    const helper = file.symbols.find((s) => s.name === 'helper');
    expect(helper).toMatchObject({ binding: STB.LOCAL, type: STT.FUNC, value: 0x20n, size: 23n });
    const shared = file.symbols.find((s) => s.name === 'shared');
    expect(shared?.place).toBe(SHN.UNDEF);
    const text = file.sections.find((s) => s.name === '.rela.text')?.relocation;
    expect(text?.target.name).toBe('.text');
    expect(text?.entries.filter((e) => e.symbol === shared)).toHaveLength(1);
  });

  it('drops the address significance table and its section symbol', () => {
    const file = readElf(toy('drivers/toy-mod.ko'), 'toy-mod.ko');
    expect(file.sections.some((s) => s.type === SHT.LLVM_ADDRSIG)).toBe(false);
    expect(file.symbols.every((s) => typeof s.place === 'number' || file.sections.includes(s.place))).toBe(
      true,
    );
  });

  it('refuses other files', () => {
    const refused = expect.objectContaining({ code: 'elf-malformed' }) as Error;
    expect(() => readElf(new Uint8Array(0), 'empty')).toThrow(refused);
    expect(() => readElf(Buffer.from('#!/bin/sh\n'.repeat(20)), 'script')).toThrow(refused);
    expect(() => readElf(toy('vmlinux'), 'vmlinux')).toThrow(/not a relocatable object/);
  });

  it('refuses names that no compiler makes, which a table of many would fill the memory with', () => {
    const file = writeElf(elf([], [symbol('x'.repeat(100_000)), symbol('y')]));
    expect(() => readElf(file, 'long')).toThrow(/a name has 100000 bytes/);
  });

  it('never fails other than by saying that the file is malformed', () => {
    const good = toy('first/dup.o');
    const outcome = (bytes: Uint8Array): string => {
      try {
        readElf(bytes, 'x');
        return 'read';
      } catch (error) {
        return error instanceof KlpError ? error.code : String(error);
      }
    };
    for (let length = 0; length < good.length; length += 7) {
      expect(outcome(good.subarray(0, length))).toBe('elf-malformed');
    }
    // Every byte of the file, changed in three ways.
    for (let at = 0; at < good.length; at++) {
      for (const value of [0x00, 0xff, (good[at] ?? 0) ^ 0x10]) {
        const bad = Uint8Array.from(good);
        bad[at] = value;
        expect(['read', 'elf-malformed']).toContain(outcome(bad));
      }
    }
  });

  it('refuses extended section indices', () => {
    const text = code();
    const bytes = writeElf(elf([text], [symbol('f', { place: SHN.XINDEX })]));
    expect(() => readElf(bytes, 'x')).toThrow(/extended section indices/);
  });
});

describe('writeElf', () => {
  it('keeps everything that was read', () => {
    for (const name of ['first/dup.o', 'lib/weak.o', 'drivers/toy-mod.ko']) {
      const before = readElf(toy(name), name);
      const after = readElf(writeElf(before), name);
      expect(after).toEqual(before);
      expect(writeElf(after)).toEqual(writeElf(before));
    }
  });

  it('puts local symbols first and lets every reference follow', () => {
    const text = code();
    const global = symbol('global', { place: text });
    const late = symbol('late', { binding: STB.LOCAL, place: text, value: 8n });
    const file = elf([text, relocations(text, [rela(1, late), rela(9, global)])], [global, late]);
    const read = readElf(writeElf(file), 'x');
    expect(read.symbols.map((s) => s.name)).toEqual(['late', 'global']);
    expect(read.sections[1]?.relocation?.entries.map((e) => e.symbol?.name)).toEqual(['late', 'global']);
  });

  it('writes string tables of its own for symbols and sections', () => {
    const bytes = Buffer.from(writeElf(readElf(toy('first/dup.o'), 'dup.o')));
    const count = bytes.readUInt16LE(60);
    const nameIndex = bytes.readUInt16LE(62);
    const table = Number(bytes.readBigUInt64LE(40));
    const types = Array.from({ length: count }, (_, i) => bytes.readUInt32LE(table + i * 64 + 4));
    expect(types.filter((t) => t === SHT.STRTAB)).toHaveLength(2);
    const symtab = types.indexOf(SHT.SYMTAB);
    const strings = bytes.readUInt32LE(table + symtab * 64 + 40);
    expect(strings).not.toBe(nameIndex);
    expect(types[strings]).toBe(SHT.STRTAB);
  });

  it('carries section groups and link order', () => {
    const text = code();
    const entries = {
      ...section('__patchable_function_entries', SHF.ALLOC | SHF.LINK_ORDER | SHF.GROUP),
      link: text,
    };
    const signature = symbol('f', { place: text });
    const group = {
      ...section('.group', 0, 0),
      type: SHT.GROUP,
      align: 4,
      entsize: 4,
      group: { flags: 1, signature, members: [text, entries] },
    };
    const read = readElf(writeElf(elf([group, text, entries], [signature])), 'x');
    expect(read.sections[0]?.group).toMatchObject({ flags: 1, signature: { name: 'f' } });
    expect(read.sections[0]?.group?.members.map((m) => m.name)).toEqual([
      '.text',
      '__patchable_function_entries',
    ]);
    expect(read.sections[2]?.link).toBe(read.sections[1]);
  });

  it('respects alignment', () => {
    const aligned = { ...section('.data', SHF.ALLOC | SHF.WRITE, 3), align: 64 };
    const bytes = Buffer.from(writeElf(elf([section('.a', SHF.ALLOC, 5), aligned], [])));
    const table = Number(bytes.readBigUInt64LE(40));
    expect(Number(bytes.readBigUInt64LE(table + 2 * 64 + 24)) % 64).toBe(0);
  });

  it('does not write a reference to something that is not there', () => {
    const text = code();
    const file = elf([text, relocations(text, [rela(0, symbol('gone'))])], []);
    expect(() => writeElf(file)).toThrow(/gone is referred to but not in the file/);
  });
});

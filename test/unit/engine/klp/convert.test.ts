import { describe, expect, it } from 'vitest';
import { SHF, SHN, STB, STT } from '../../../../src/engine/elf/constants.js';
import type { ElfFile } from '../../../../src/engine/elf/model.js';
import { readElf } from '../../../../src/engine/elf/read.js';
import { writeElf } from '../../../../src/engine/elf/write.js';
import { convertToKlp } from '../../../../src/engine/klp/convert.js';
import { decodeReference, encodeReference } from '../../../../src/engine/klp/names.js';
import { code, elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

function reference(appliedWith: string, objname: string, name: string, sympos = 0) {
  return symbol(encodeReference({ appliedWith, objname, name, sympos }));
}

/** The module after conversion, written and read again. */
function converted(file: ElfFile): ElfFile {
  convertToKlp(file);
  return readElf(writeElf(file), 'test.ko');
}

describe('intermediate names', () => {
  it('carry what they stand for and no more', () => {
    const what = { appliedWith: 'ext4', objname: 'jbd2', name: 'a.llvm.12', sympos: 3 };
    expect(decodeReference(encodeReference(what))).toEqual(what);
    expect(decodeReference('printk')).toBeUndefined();
    expect(decodeReference('.klp.sym.vmlinux.printk,0')).toBeUndefined();
  });
});

describe('convertToKlp', () => {
  it('moves the relocations of klp symbols into sections by object and target, and leaves the others', () => {
    const text = code();
    const data = section('.data', SHF.ALLOC | SHF.WRITE);
    const plain = symbol('_printk');
    const ofVmlinux = reference('vmlinux', 'vmlinux', 'si_swapinfo');
    const ofModule = reference('ext4', 'ext4', 'ext4_x', 2);
    const ofOther = reference('ext4', 'jbd2', 'jbd2_y');
    const ko = converted(
      elf(
        [
          text,
          relocations(text, [
            rela(1, plain),
            rela(9, ofVmlinux, -4n),
            rela(17, ofModule, -4n),
            rela(25, ofOther),
          ]),
          data,
          relocations(data, [rela(0, ofVmlinux)]),
        ],
        [plain, ofVmlinux, ofModule, ofOther],
      ),
    );
    const relas = ko.sections.flatMap((s) =>
      s.relocation === undefined
        ? []
        : [
            [
              s.name,
              s.relocation.target.name,
              s.relocation.entries.map((e) => [e.offset, e.symbol?.name, e.addend]),
            ],
          ],
    );
    expect(relas).toEqual([
      ['.rela.text', '.text', [[1, '_printk', 0n]]],
      ['.klp.rela.vmlinux..text', '.text', [[9, '.klp.sym.vmlinux.si_swapinfo,0', -4n]]],
      [
        '.klp.rela.ext4..text',
        '.text',
        [
          [17, '.klp.sym.ext4.ext4_x,2', -4n],
          [25, '.klp.sym.jbd2.jbd2_y,0', 0n],
        ],
      ],
      ['.klp.rela.vmlinux..data', '.data', [[0, '.klp.sym.vmlinux.si_swapinfo,0', 0n]]],
    ]);
  });

  it('marks sections and symbols as the kernel wants them', () => {
    const text = code();
    const wanted = reference('vmlinux', 'vmlinux', 'f');
    const ko = converted(elf([text, relocations(text, [rela(0, wanted)])], [wanted]));
    expect(ko.symbols).toEqual([
      symbol('.klp.sym.vmlinux.f,0', { place: SHN.LIVEPATCH, binding: STB.GLOBAL }),
    ]);
    const klp = ko.sections.find((s) => s.name.startsWith('.klp.rela.'));
    expect(klp?.flags).toBe(SHF.RELA_LIVEPATCH | SHF.ALLOC | SHF.INFO_LINK);
  });

  it('uses one symbol for the same thing needed by two objects', () => {
    const text = code();
    const forExt4 = reference('ext4', 'jbd2', 'y');
    const forOcfs = reference('ocfs2', 'jbd2', 'y');
    const ko = converted(
      elf([text, relocations(text, [rela(0, forExt4), rela(8, forOcfs)])], [forExt4, forOcfs]),
    );
    expect(ko.symbols.map((s) => s.name)).toEqual(['.klp.sym.jbd2.y,0']);
    expect(ko.sections.map((s) => s.name)).toEqual([
      '.text',
      '.klp.rela.ext4..text',
      '.klp.rela.ocfs2..text',
    ]);
  });

  it('refuses a module symbol where the kernel reads before the module is there, and names the function', () => {
    const text = code();
    const jumps = section('__jump_table', SHF.ALLOC | SHF.WRITE);
    const patched = symbol('ext4_patched', { place: text, type: STT.FUNC, value: 16n, size: 32n });
    const start = symbol('', { place: text, type: STT.SECTION, binding: STB.LOCAL });
    const key = reference('ext4', 'ext4', 'some_key');
    const file = elf(
      [text, jumps, relocations(jumps, [rela(0, start, 20n), rela(4, start, 40n), rela(8, key)])],
      [start, patched, key],
    );
    expect(() => convertToKlp(file)).toThrow(
      expect.objectContaining({
        code: 'late-special-section',
        message: expect.stringMatching(/__jump_table of ext4_patched .*some_key/) as string,
      }),
    );
  });

  it('accepts a vmlinux symbol there: those are written first', () => {
    const jumps = section('__jump_table', SHF.ALLOC | SHF.WRITE);
    const key = reference('vmlinux', 'vmlinux', 'some_key');
    const ko = converted(elf([jumps, relocations(jumps, [rela(8, key)])], [key]));
    expect(ko.sections.map((s) => s.name)).toEqual(['__jump_table', '.klp.rela.vmlinux.__jump_table']);
  });

  it('leaves debug information alone, which the kernel does not load', () => {
    const debug = section('.debug_info', 0);
    const wanted = reference('ext4', 'ext4', 'v');
    const ko = converted(elf([debug, relocations(debug, [rela(0, wanted)])], [wanted]));
    expect(ko.sections.map((s) => s.name)).toEqual(['.debug_info', '.rela.debug_info']);
  });
});

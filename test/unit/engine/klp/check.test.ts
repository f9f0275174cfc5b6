import { describe, expect, it } from 'vitest';
import { SHF, SHN, SHT, STB, STT } from '../../../../src/engine/elf/constants.js';
import type { ElfFile, ElfSection } from '../../../../src/engine/elf/model.js';
import { checkModule, type Expected } from '../../../../src/engine/klp/check.js';
import { KlpError } from '../../../../src/shared/errors.js';
import { code, elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

const information = ['name=livepatch_x', 'livepatch=Y', 'license=GPL', 'vermagic=6.12.107 SMP mod_unload '];

const expected: Expected = {
  vermagic: '6.12.107 SMP mod_unload ',
  module: 'livepatch_x',
  funcs: [{ objname: 'vmlinux', oldName: 'f', sympos: 0, newName: 'f' }],
  loadedWith: new Map([
    ['vmlinux', new Set(['vmlinux'])],
    ['ext4', new Set(['ext4', 'jbd2'])],
  ]),
  exports: new Map([
    ['_printk', { crc: 0x11223344, module: 'vmlinux' }],
    ['in_namespace', { crc: 0x55667788, module: 'vmlinux', namespace: 'NS' }],
    ['jbd2_x', { crc: 1, module: 'fs/jbd2/jbd2' }],
  ]),
  versions: true,
};

function text(name: string, content: Uint8Array): ElfSection {
  return { ...section(name, SHF.ALLOC), size: content.length, data: content };
}

function versions(entries: Record<string, number>): ElfSection {
  const table = Buffer.alloc(64 * Object.keys(entries).length);
  Object.entries(entries).forEach(([name, crc], i) => {
    table.writeUInt32LE(crc, i * 64);
    table.write(name, i * 64 + 8, 'latin1');
  });
  return text('__versions', table);
}

/** A module that is right. */
function sound(modinfo: string[] = information): ElfFile {
  const body = code();
  const f = symbol('f', { place: body, type: STT.FUNC, size: 8n });
  const printk = symbol('_printk');
  const klp = symbol('.klp.sym.vmlinux.si_swapinfo,0', { place: SHN.LIVEPATCH });
  const tables = section('.data', SHF.ALLOC | SHF.WRITE);
  const klpRelas = {
    ...relocations(body, [rela(9, klp)]),
    name: '.klp.rela.vmlinux..text',
    flags: SHF.ALLOC | SHF.RELA_LIVEPATCH | SHF.INFO_LINK,
  };
  return elf(
    [
      body,
      tables,
      relocations(tables, [rela(8, f)]),
      relocations(body, [rela(1, printk)]),
      klpRelas,
      text('.modinfo', Buffer.from(modinfo.map((line) => `${line}\0`).join(''))),
      versions({ _printk: 0x11223344 }),
    ],
    [f, printk, klp],
  );
}

/** The problems found after `change`. */
function problems(change: (ko: ElfFile) => void, modinfo?: string[]): string {
  const ko = sound(modinfo);
  change(ko);
  try {
    checkModule(ko, expected);
    return '';
  } catch (error) {
    if (error instanceof KlpError && error.code === 'module-check-failed') return error.detail.output ?? '';
    throw error;
  }
}

describe('checkModule', () => {
  it('accepts a module that is right', () => {
    expect(problems(() => undefined)).toBe('');
  });

  it.each([
    ['name=livepatch_y', /name=livepatch_y/],
    ['livepatch=N', /livepatch=N/],
    ['license=Proprietary', /license=/],
    ['vermagic=6.12.107 SMP preempt mod_unload ', /vermagic=.*preempt/],
  ])('notices %s', (line, message) => {
    const key = line.slice(0, line.indexOf('=') + 1);
    const modinfo = information.map((l) => (l.startsWith(key) ? line : l));
    expect(problems(() => undefined, modinfo)).toMatch(message);
  });

  it('notices symbols that nothing will resolve', () => {
    expect(problems((ko) => ko.symbols.push(symbol('jbd2_x')))).toBe('jbd2_x is not exported by vmlinux');
    expect(problems((ko) => ko.symbols.push(symbol('nowhere')))).toBe('nowhere is not exported by vmlinux');
    expect(problems((ko) => ko.symbols.push(symbol('optional', { binding: STB.WEAK })))).toBe('');
  });

  it('notices a missing or wrong checksum', () => {
    expect(problems((ko) => void ko.sections.pop())).toBe('_printk has no or another checksum');
    expect(problems((ko) => void ko.sections.splice(-1, 1, versions({ _printk: 1 })))).toMatch(
      /another checksum/,
    );
  });

  it('reads the checksums of long names', () => {
    const change = (ko: ElfFile): void => {
      const crcs = Buffer.alloc(4);
      crcs.writeUInt32LE(0x11223344);
      ko.sections.splice(
        -1,
        1,
        text('__version_ext_crcs', crcs),
        text('__version_ext_names', Buffer.from('_printk\0')),
      );
    };
    expect(problems(change)).toBe('');
  });

  it('notices a namespace that is not imported', () => {
    const change = (ko: ElfFile): void => {
      ko.symbols.push(symbol('in_namespace'));
      ko.sections.splice(-1, 1, versions({ _printk: 0x11223344, in_namespace: 0x55667788 }));
    };
    expect(problems(change)).toBe('in_namespace needs the namespace NS');
    expect(problems(change, [...information, 'import_ns=NS'])).toBe('');
  });

  it('notices a livepatch relocation in an ordinary section', () => {
    const stray = (ko: ElfFile): void => {
      const klp = ko.symbols[2];
      if (klp !== undefined) ko.sections[3]?.relocation?.entries.push(rela(20, klp));
    };
    expect(problems(stray)).toBe(
      '.rela.text has a livepatch relocation against .klp.sym.vmlinux.si_swapinfo,0',
    );
  });

  it('notices a klp section that the kernel would refuse', () => {
    const rename = (name: string) => (ko: ElfFile) => void Object.assign(ko.sections[4] ?? {}, { name });
    expect(problems(rename('.klp.rela.ext4..text'))).toMatch(/refers to .*si_swapinfo,0 of vmlinux/);
    expect(problems(rename('.klp.rela.vmlinux..data'))).toMatch(/applies to \.text/);
    expect(problems(rename('.klp.rela.vmlinux'))).toMatch(/malformed/);
    expect(problems((ko) => void Object.assign(ko.sections[4] ?? {}, { flags: SHF.ALLOC }))).toMatch(/flags/);
  });

  it.each([
    ['vmlinux', 'ext4', /\.klp\.rela\.vmlinux\.\.text refers to \.klp\.sym\.ext4\.x,0 of ext4/],
    ['ext4', 'ext4', /^$/],
    ['ext4', 'jbd2', /^$/],
    ['ext4', 'fat', /refers to \.klp\.sym\.fat\.x,0 of fat/],
    ['jbd2', 'jbd2', /does not patch/],
  ])('looks at when it is applied: with %s, a symbol of %s', (objname, holder, message) => {
    const change = (ko: ElfFile): void => {
      const [, , klp] = ko.symbols;
      Object.assign(klp ?? {}, { name: `.klp.sym.${holder}.x,0` });
      Object.assign(ko.sections[4] ?? {}, { name: `.klp.rela.${objname}..text` });
    };
    expect(problems(change)).toMatch(message);
  });

  it('notices a symbol name that the kernel cannot read', () => {
    const change = (ko: ElfFile): void => {
      ko.symbols.push(symbol('.klp.sym.vmlinux.x', { place: SHN.LIVEPATCH }));
    };
    expect(problems(change)).toMatch(/not a livepatch symbol's name/);
  });

  it('notices a new function that is missing, is no code, or that no table names', () => {
    expect(problems((ko) => void Object.assign(ko.symbols[0] ?? {}, { name: 'g' }))).toMatch(
      /f is not in the module/,
    );
    expect(problems((ko) => void Object.assign(ko.symbols[0] ?? {}, { place: ko.sections[1] }))).toMatch(
      /not code/,
    );
    expect(problems((ko) => void ko.sections.splice(2, 1))).toMatch(/no table refers to f/);
  });

  it('takes section types into account', () => {
    expect(problems((ko) => void Object.assign(ko.sections[4] ?? {}, { type: SHT.PROGBITS }))).toMatch(
      /malformed/,
    );
  });
});

import { SHF, SHN, SHT, STB, STT } from '../../src/engine/elf/constants.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from '../../src/engine/elf/model.js';

/** A section of `size` bytes of program data. */
export function section(name: string, flags: number, size = 64): ElfSection {
  return {
    name,
    type: SHT.PROGBITS,
    flags,
    align: 8,
    entsize: 0,
    size,
    data: new Uint8Array(size).fill(0x90),
    info: 0,
  };
}

export function code(name = '.text'): ElfSection {
  return section(name, SHF.ALLOC | SHF.EXECINSTR);
}

export function relocations(target: ElfSection, entries: ElfRela[]): ElfSection {
  return {
    name: `.rela${target.name}`,
    type: SHT.RELA,
    flags: SHF.INFO_LINK,
    align: 8,
    entsize: 24,
    size: 0,
    data: new Uint8Array(0),
    info: 0,
    relocation: { target, entries },
  };
}

export function symbol(name: string, over: Partial<ElfSymbol> = {}): ElfSymbol {
  return {
    name,
    binding: STB.GLOBAL,
    type: STT.NOTYPE,
    other: 0,
    place: SHN.UNDEF,
    value: 0n,
    size: 0n,
    ...over,
  };
}

export function rela(offset: number, to: ElfSymbol, addend = 0n, type = 2): ElfRela {
  return { offset, type, symbol: to, addend };
}

/** An x86-64 object. */
export function elf(sections: ElfSection[], symbols: ElfSymbol[]): ElfFile {
  return { machine: 62, flags: 0, osabi: 0, sections, symbols };
}

import { SHF, SHN, SHT, STB, STT } from '../elf/constants.js';
import type { ElfFile, ElfPlace, ElfSection, ElfSymbol } from '../elf/model.js';

/**
 * An object that shows modpost what the wrapper will be: a GPL module with an entry, an exit and the symbols it needs.
 * @param machine e_machine, and `flags` e_flags, of the objects it is linked with
 */
export function standInObject(
  machine: number,
  flags: number,
  needed: Iterable<string>,
  namespaces: readonly string[],
): ElfFile {
  const modinfo = ['license=GPL', 'livepatch=Y', ...namespaces.map((n) => `import_ns=${n}`)];
  const info = section('.modinfo', SHF.ALLOC, Buffer.from(modinfo.map((line) => `${line}\0`).join('')));
  const code = [
    section('.init.text', SHF.ALLOC | SHF.EXECINSTR),
    section('.exit.text', SHF.ALLOC | SHF.EXECINSTR),
  ];
  return {
    machine,
    flags,
    osabi: 0,
    sections: [info, ...code],
    symbols: [
      ...code.map((place, i) => symbol(i === 0 ? 'init_module' : 'cleanup_module', place, STT.FUNC)),
      ...[...needed].sort().map((name) => symbol(name, SHN.UNDEF, STT.NOTYPE)),
    ],
  };
}

function section(name: string, flags: number, data: Uint8Array = new Uint8Array(16)): ElfSection {
  return { name, type: SHT.PROGBITS, flags, align: 1, entsize: 0, size: data.length, data, info: 0 };
}

function symbol(name: string, place: ElfPlace, type: number): ElfSymbol {
  return { name, binding: STB.GLOBAL, type, other: 0, place, value: 0n, size: 0n };
}

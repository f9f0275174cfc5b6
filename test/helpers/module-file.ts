import { SHT } from '../../src/engine/elf/constants.js';
import type { ElfSection } from '../../src/engine/elf/model.js';
import { writeElf } from '../../src/engine/elf/write.js';

function section(name: string, text: string): ElfSection {
  const data = Buffer.from(text);
  return { name, type: SHT.PROGBITS, flags: 0, align: 1, entsize: 0, size: data.length, data, info: 0 };
}

/** An object file with these sections, empty but for `.modinfo`, which holds the given strings. */
export function moduleFile(
  modinfo: readonly string[] | undefined,
  names: readonly string[] = [],
): Uint8Array {
  const info = modinfo === undefined ? [] : [section('.modinfo', modinfo.map((s) => `${s}\0`).join(''))];
  const sections = [...info, ...names.map((name) => section(name, ''))];
  return writeElf({ machine: 62, flags: 0, osabi: 0, sections, symbols: [] });
}

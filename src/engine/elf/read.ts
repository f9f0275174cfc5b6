import { ET_REL, RELA_SIZE, SHF, SHN, SHT, STT, SYM_SIZE } from './constants.js';
import {
  bufferSource,
  malformed,
  readHeader,
  stringAt,
  viewOf,
  type ByteSource,
  type SectionHeader,
} from './header.js';
import type { ElfFile, ElfPlace, ElfRela, ElfSection, ElfSymbol } from './model.js';

/**
 * Reads a relocatable little-endian ELF-64 file. `.llvm_addrsig` and the call graph profile are dropped: they
 * name symbols by index and help a linker that folds or reorders code, which a kernel module's link does not.
 * @param label the file's name in messages
 * @throws elf-malformed when the file breaks the format or uses extended section numbering
 */
export function readElf(bytes: Uint8Array, label: string): ElfFile {
  const source = bufferSource(bytes, label);
  const header = readHeader(source, label);
  if (header.type !== ET_REL) throw malformed(label, 'not a relocatable object');
  const { sections: headers } = header;

  if (headers.some((h) => h.type === SHT.SYMTAB_SHNDX)) {
    throw malformed(label, 'symbols with extended section indices are not supported');
  }
  if (headers.some((h) => h.type === SHT.REL)) {
    throw malformed(label, 'relocations without addends do not occur on this architecture');
  }
  const tables = headers.filter((h) => h.type === SHT.SYMTAB);
  if (tables.length > 1) throw malformed(label, 'more than one symbol table');
  const symtab = tables[0];
  const symtabIndex = symtab === undefined ? 0 : headers.indexOf(symtab);

  const sections = headers.map((h) => (isModelled(h) ? newSection(h, source) : undefined));
  const sectionAt = (index: number, what: string): ElfSection => {
    const section = sections[index];
    if (section === undefined) throw malformed(label, `${what} names section ${index}, which does not exist`);
    return section;
  };
  const dropped = new Set(headers.flatMap((h, i) => (isDropped(h) ? [i] : [])));
  const symbols = symtab === undefined ? [] : readSymbols(symtab, headers, dropped, source, sectionAt, label);
  const symbolAt = (index: number, what: string): ElfSymbol => {
    const symbol = symbols[index - 1];
    if (symbol === undefined) throw malformed(label, `${what} names symbol ${index}, which does not exist`);
    return symbol;
  };

  headers.forEach((h, i) => {
    const section = sections[i];
    if (section === undefined) return;
    if (h.type === SHT.RELA) {
      if (h.link !== symtabIndex) throw malformed(label, `${h.name} is not linked to the symbol table`);
      const target = sectionAt(h.info, h.name);
      section.relocation = { target, entries: readRelas(section, target, symbolAt, label) };
      section.data = new Uint8Array(0);
    } else if (h.type === SHT.GROUP) {
      if (h.link !== symtabIndex) throw malformed(label, `${h.name} is not linked to the symbol table`);
      section.group = readGroup(section, symbolAt(h.info, h.name), sectionAt, label);
      section.data = new Uint8Array(0);
    } else {
      section.info = h.info;
      if (h.link !== 0) section.link = sectionAt(h.link, h.name);
    }
  });
  return {
    machine: header.machine,
    flags: header.flags,
    osabi: header.osabi,
    sections: sections.filter((s) => s !== undefined),
    symbols: symbols.filter((s) => s !== undefined),
  };
}

function isDropped(header: SectionHeader): boolean {
  return header.type === SHT.LLVM_ADDRSIG || header.type === SHT.LLVM_CALL_GRAPH_PROFILE;
}

/** Whether a section is content, as against a table that the writer makes anew. */
function isModelled(header: SectionHeader): boolean {
  switch (header.type) {
    case SHT.NULL:
    case SHT.SYMTAB:
      return false;
    case SHT.STRTAB:
      return (header.flags & SHF.ALLOC) !== 0;
    default:
      return !isDropped(header);
  }
}

function newSection(header: SectionHeader, source: ByteSource): ElfSection {
  const { name, type, flags, align, entsize, size } = header;
  // A copy: the file's buffer may be pooled, and sections are edited.
  const data = type === SHT.NOBITS ? new Uint8Array(0) : Uint8Array.from(source(header.offset, size));
  return { name, type, flags, align, entsize, size, data, info: 0 };
}

/** The symbols after the null symbol; a dropped section's own symbol leaves a gap, so that indices stay right. */
function readSymbols(
  symtab: SectionHeader,
  headers: readonly SectionHeader[],
  dropped: ReadonlySet<number>,
  source: ByteSource,
  sectionAt: (index: number, what: string) => ElfSection,
  label: string,
): (ElfSymbol | undefined)[] {
  const strtab = headers[symtab.link];
  if (strtab?.type !== SHT.STRTAB) throw malformed(label, 'the symbol table has no string table');
  if (symtab.entsize !== SYM_SIZE || symtab.size % SYM_SIZE !== 0 || symtab.size === 0) {
    throw malformed(label, 'the symbol table has entries of an unknown size');
  }
  const strings = source(strtab.offset, strtab.size);
  const view = viewOf(source(symtab.offset, symtab.size));
  const symbols: (ElfSymbol | undefined)[] = [];
  for (let at = SYM_SIZE; at < symtab.size; at += SYM_SIZE) {
    const info = view.getUint8(at + 4);
    const index = view.getUint16(at + 6, true);
    if ((info & 0xf) === STT.SECTION && dropped.has(index)) {
      symbols.push(undefined);
      continue;
    }
    symbols.push({
      name: stringAt(strings, view.getUint32(at, true), label),
      binding: info >> 4,
      type: info & 0xf,
      other: view.getUint8(at + 5),
      place: placeOf(index, sectionAt, label),
      value: view.getBigUint64(at + 8, true),
      size: view.getBigUint64(at + 16, true),
    });
  }
  return symbols;
}

function placeOf(
  index: number,
  sectionAt: (index: number, what: string) => ElfSection,
  label: string,
): ElfPlace {
  if (index === SHN.XINDEX) throw malformed(label, 'symbols with extended section indices are not supported');
  return index === SHN.UNDEF || index >= SHN.LORESERVE ? index : sectionAt(index, 'a symbol');
}

function readRelas(
  section: ElfSection,
  target: ElfSection,
  symbolAt: (index: number, what: string) => ElfSymbol,
  label: string,
): ElfRela[] {
  if (section.entsize !== RELA_SIZE || section.size % RELA_SIZE !== 0) {
    throw malformed(label, `${section.name} has entries of an unknown size`);
  }
  const view = viewOf(section.data);
  const entries: ElfRela[] = [];
  for (let at = 0; at < section.size; at += RELA_SIZE) {
    const offset = view.getBigUint64(at, true);
    if (offset > BigInt(target.size)) {
      throw malformed(label, `${section.name} has an entry at ${offset}, outside ${target.name}`);
    }
    const index = view.getUint32(at + 12, true);
    entries.push({
      offset: Number(offset),
      type: view.getUint32(at + 8, true),
      ...(index === 0 ? {} : { symbol: symbolAt(index, section.name) }),
      addend: view.getBigInt64(at + 16, true),
    });
  }
  return entries;
}

function readGroup(
  section: ElfSection,
  signature: ElfSymbol,
  sectionAt: (index: number, what: string) => ElfSection,
  label: string,
): NonNullable<ElfSection['group']> {
  if (section.size < 4 || section.size % 4 !== 0)
    throw malformed(label, `${section.name} is not a list of sections`);
  const view = viewOf(section.data);
  const members: ElfSection[] = [];
  for (let at = 4; at < section.size; at += 4)
    members.push(sectionAt(view.getUint32(at, true), section.name));
  return { flags: view.getUint32(0, true), signature, members };
}

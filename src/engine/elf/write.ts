import { KlpError } from '../../shared/errors.js';
import { EHDR_SIZE, ET_REL, RELA_SIZE, SHDR_SIZE, SHN, SHT, STB, SYM_SIZE } from './constants.js';
import { viewOf } from './header.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from './model.js';

/** A string table under construction; equal strings share an entry. */
interface StringTable {
  offsetOf(text: string): number;
  bytes(): Uint8Array;
}

function newStringTable(): StringTable {
  const offsets = new Map<string, number>([['', 0]]);
  const parts: Buffer[] = [Buffer.from('\0')];
  let size = 1;
  return {
    offsetOf(text) {
      const known = offsets.get(text);
      if (known !== undefined) return known;
      const at = size;
      const part = Buffer.from(`${text}\0`, 'utf8');
      parts.push(part);
      offsets.set(text, at);
      size += part.length;
      return at;
    },
    bytes: () => Buffer.concat(parts),
  };
}

interface OutSection {
  name: string;
  type: number;
  flags: number;
  align: number;
  entsize: number;
  size: number;
  link: number;
  info: number;
  data: Uint8Array;
}

/**
 * Writes a relocatable file: sections in their order, then `.symtab`, `.strtab`, `.shstrtab`. Local symbols come
 * first; the order is otherwise kept, and so the bytes depend on the model alone.
 * @throws internal when the model refers to a section or symbol that is not in it
 */
export function writeElf(file: ElfFile): Uint8Array {
  if (file.sections.length + 4 >= SHN.LORESERVE) {
    throw new KlpError('internal', 'an object of more than 65000 sections cannot be written');
  }
  const symbols = [
    ...file.symbols.filter((s) => s.binding === STB.LOCAL),
    ...file.symbols.filter((s) => s.binding !== STB.LOCAL),
  ];
  const localCount = file.symbols.filter((s) => s.binding === STB.LOCAL).length;
  const sectionIndex = indexer(file.sections, (s) => `section ${s.name}`);
  const symbolIndex = indexer(symbols, (s) => `symbol ${s.name}`);
  const symtabIndex = file.sections.length + 1;

  const strtab = newStringTable();
  const out = file.sections.map((s) => outSection(s, sectionIndex, symbolIndex, symtabIndex));
  const symtab = encodeSymbols(symbols, strtab, sectionIndex);
  const plain = { flags: 0, link: 0, info: 0, align: 1, entsize: 0 };
  out.push(
    {
      ...plain,
      name: '.symtab',
      type: SHT.SYMTAB,
      align: 8,
      entsize: SYM_SIZE,
      size: symtab.length,
      data: symtab,
      link: symtabIndex + 1,
      info: localCount + 1,
    },
    { ...plain, name: '.strtab', type: SHT.STRTAB, ...sized(strtab.bytes()) },
  );
  const shstrtab = newStringTable();
  for (const section of out) shstrtab.offsetOf(section.name);
  shstrtab.offsetOf('.shstrtab');
  out.push({ ...plain, name: '.shstrtab', type: SHT.STRTAB, ...sized(shstrtab.bytes()) });
  return layOut(file, out, shstrtab);
}

function sized(data: Uint8Array): { data: Uint8Array; size: number } {
  return { data, size: data.length };
}

/** Index of each member, counted from 1 (0 is the null section or symbol). */
function indexer<T>(members: readonly T[], describe: (member: T) => string): (member: T) => number {
  const indices = new Map(members.map((member, i) => [member, i + 1]));
  return (member) => {
    const index = indices.get(member);
    if (index === undefined)
      throw new KlpError('internal', `${describe(member)} is referred to but not in the file`);
    return index;
  };
}

function outSection(
  section: ElfSection,
  sectionIndex: (s: ElfSection) => number,
  symbolIndex: (s: ElfSymbol) => number,
  symtabIndex: number,
): OutSection {
  const { name, type, flags, align, entsize, size, relocation, group } = section;
  const base = { name, type, flags, align, entsize };
  if (relocation) {
    const data = encodeRelas(relocation.entries, symbolIndex);
    return { ...base, ...sized(data), link: symtabIndex, info: sectionIndex(relocation.target) };
  }
  if (group) {
    const data = new Uint8Array(4 * (group.members.length + 1));
    const view = viewOf(data);
    view.setUint32(0, group.flags, true);
    group.members.forEach((m, i) => view.setUint32(4 * (i + 1), sectionIndex(m), true));
    return { ...base, ...sized(data), link: symtabIndex, info: symbolIndex(group.signature) };
  }
  const link = section.link === undefined ? 0 : sectionIndex(section.link);
  if (type !== SHT.NOBITS && size !== section.data.length) {
    throw new KlpError('internal', `section ${name} says ${size} bytes and has ${section.data.length}`);
  }
  return { ...base, size, link, info: section.info, data: section.data };
}

function encodeRelas(entries: readonly ElfRela[], symbolIndex: (s: ElfSymbol) => number): Uint8Array {
  const data = new Uint8Array(entries.length * RELA_SIZE);
  const view = viewOf(data);
  entries.forEach((entry, i) => {
    const at = i * RELA_SIZE;
    view.setBigUint64(at, BigInt(entry.offset), true);
    view.setUint32(at + 8, entry.type, true);
    view.setUint32(at + 12, entry.symbol === undefined ? 0 : symbolIndex(entry.symbol), true);
    view.setBigInt64(at + 16, entry.addend, true);
  });
  return data;
}

function encodeSymbols(
  symbols: readonly ElfSymbol[],
  strtab: StringTable,
  sectionIndex: (s: ElfSection) => number,
): Uint8Array {
  const data = new Uint8Array((symbols.length + 1) * SYM_SIZE);
  const view = viewOf(data);
  symbols.forEach((symbol, i) => {
    const at = (i + 1) * SYM_SIZE;
    view.setUint32(at, strtab.offsetOf(symbol.name), true);
    view.setUint8(at + 4, (symbol.binding << 4) | symbol.type);
    view.setUint8(at + 5, symbol.other);
    view.setUint16(
      at + 6,
      typeof symbol.place === 'number' ? symbol.place : sectionIndex(symbol.place),
      true,
    );
    view.setBigUint64(at + 8, symbol.value, true);
    view.setBigUint64(at + 16, symbol.size, true);
  });
  return data;
}

function layOut(file: ElfFile, out: readonly OutSection[], shstrtab: StringTable): Uint8Array {
  let at = EHDR_SIZE;
  const offsets = out.map((section) => {
    at = alignUp(at, Math.max(section.align, 1));
    const offset = at;
    at += section.data.length;
    return offset;
  });
  const table = alignUp(at, 8);
  const bytes = new Uint8Array(table + (out.length + 1) * SHDR_SIZE);
  const view = viewOf(bytes);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, file.osabi]);
  view.setUint16(16, ET_REL, true);
  view.setUint16(18, file.machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(table), true);
  view.setUint32(48, file.flags, true);
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(58, SHDR_SIZE, true);
  view.setUint16(60, out.length + 1, true);
  view.setUint16(62, out.length, true);
  out.forEach((section, i) => {
    const offset = offsets[i] ?? 0;
    bytes.set(section.data, offset);
    const h = table + (i + 1) * SHDR_SIZE;
    view.setUint32(h, shstrtab.offsetOf(section.name), true);
    view.setUint32(h + 4, section.type, true);
    view.setBigUint64(h + 8, BigInt(section.flags), true);
    view.setBigUint64(h + 24, BigInt(offset), true);
    view.setBigUint64(h + 32, BigInt(section.size), true);
    view.setUint32(h + 40, section.link, true);
    view.setUint32(h + 44, section.info, true);
    view.setBigUint64(h + 48, BigInt(section.align), true);
    view.setBigUint64(h + 56, BigInt(section.entsize), true);
  });
  return bytes;
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { KlpError } from '../../shared/errors.js';
import { SHN, SHT, STB, STT, SYM_SIZE } from '../elf/constants.js';
import { malformed, readHeader, type ByteSource, type ElfHeader, type SectionHeader } from '../elf/header.js';

/** A symbol of a `SymbolFile`, by its index in the symbol table. */
export interface FileSymbol {
  index: number;
  name: string;
  /** STB_*, STT_*, st_other. */
  binding: number;
  type: number;
  other: number;
  /** Section index or a reserved SHN_*. */
  section: number;
  value: bigint;
  size: bigint;
}

/** The symbols of vmlinux, a module or an object, read from disk where needed and indexed by name. */
export interface SymbolFile {
  label: string;
  header: ElfHeader;
  /** Number of symbols, the null symbol included. */
  count: number;
  /** Index of the first symbol that is not local. */
  firstGlobal: number;
  symbol(index: number): FileSymbol;
  /** All symbols of this name in the order of the table. */
  named(name: string): FileSymbol[];
  /** Indices of the STT_FILE symbols. */
  files(): number[];
  /** Bytes of a section, or a part of it; none for SHT_NOBITS. */
  bytes(header: SectionHeader, offset?: number, length?: number): Uint8Array;
  /** `length` bytes at an address of a linked file, from the sections that are in the file. */
  atAddress(address: bigint, length: number): Uint8Array;
}

/** A byte source over a file that is opened for each read: nothing is left open, however long the engine runs. */
function fileSource(path: string, label: string): ByteSource {
  return (offset, length) => {
    const descriptor = openDescriptor(path, label);
    try {
      const { size } = fstatSync(descriptor);
      if (offset < 0 || length < 0 || offset + length > size) {
        throw malformed(label, `${length} bytes at ${offset} lie outside the file of ${size} bytes`);
      }
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const read = readSync(descriptor, bytes, done, length - done, offset + done);
        if (read === 0) throw malformed(label, 'the file became shorter while it was read');
        done += read;
      }
      return bytes;
    } finally {
      closeSync(descriptor);
    }
  };
}

function openDescriptor(path: string, label: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new KlpError('kernel-symbols-missing', `${label} cannot be read`, { file: path, cause });
  }
}

/**
 * Opens an ELF file for its symbols. Reads the headers, the symbol table and its strings; sections only on demand.
 * @param path absolute
 * @param label name in messages
 * @throws kernel-symbols-missing, elf-malformed
 */
export function openSymbolFile(path: string, label: string): SymbolFile {
  const source = fileSource(path, label);
  const header = readHeader(source, label);
  const symtab = header.sections.find((s) => s.type === SHT.SYMTAB);
  if (symtab === undefined) {
    throw new KlpError('kernel-symbols-missing', `${label} has no symbol table`, { file: path });
  }
  const strtab = header.sections[symtab.link];
  if (strtab?.type !== SHT.STRTAB || symtab.entsize !== SYM_SIZE || symtab.size % SYM_SIZE !== 0) {
    throw malformed(label, 'the symbol table cannot be read');
  }
  const table = source(symtab.offset, symtab.size);
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const strings = Buffer.from(source(strtab.offset, strtab.size).buffer);
  const count = symtab.size / SYM_SIZE;

  const nameOf = (index: number): string => {
    const at = view.getUint32(index * SYM_SIZE, true);
    const end = strings.indexOf(0, at);
    if (at >= strings.length || end < 0) throw malformed(label, 'a symbol has no name');
    return strings.toString('latin1', at, end);
  };
  const symbol = (index: number): FileSymbol => {
    if (index < 0 || index >= count) throw malformed(label, `there is no symbol ${index}`);
    const at = index * SYM_SIZE;
    const info = view.getUint8(at + 4);
    const section = view.getUint16(at + 6, true);
    if (section === SHN.XINDEX) throw malformed(label, 'extended section indices are not supported');
    return {
      index,
      name: nameOf(index),
      binding: info >> 4,
      type: info & 0xf,
      other: view.getUint8(at + 5),
      section,
      value: view.getBigUint64(at + 8, true),
      size: view.getBigUint64(at + 16, true),
    };
  };
  const lookup = lazily(() => nameIndex(view, strings, count));
  const files = lazily(() => {
    const found: number[] = [];
    for (let i = 1; i < count; i++) if ((table[i * SYM_SIZE + 4] ?? 0) === STT.FILE) found.push(i);
    return found;
  });
  return {
    label,
    header,
    count,
    firstGlobal: Math.min(symtab.info, count),
    symbol,
    named: (name) => lookup()(name).map(symbol),
    files,
    bytes: (h, offset = 0, length = h.size - offset) => {
      if (h.type === SHT.NOBITS) return new Uint8Array(0);
      if (offset < 0 || length < 0 || offset + length > h.size) {
        throw malformed(label, `${length} bytes at ${offset} lie outside ${h.name}`);
      }
      return source(h.offset + offset, length);
    },
    atAddress: (address, length) => {
      const holder = header.sections.find(
        (s) =>
          s.addr !== 0n &&
          s.type !== SHT.NOBITS &&
          s.addr <= address &&
          address + BigInt(length) <= s.addr + BigInt(s.size),
      );
      if (holder === undefined) throw malformed(label, `no section holds address 0x${address.toString(16)}`);
      return source(holder.offset + Number(address - holder.addr), length);
    },
  };
}

/** Whether a symbol is defined in a section of its file. */
export function isDefined(symbol: FileSymbol): boolean {
  return symbol.section !== SHN.UNDEF && symbol.section < SHN.LORESERVE;
}

export function isGlobal(symbol: FileSymbol): boolean {
  return symbol.binding === STB.GLOBAL || symbol.binding === STB.WEAK;
}

export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * A chained hash table over the names' bytes in typed arrays: vmlinux has over 100,000 symbols, and making a
 * string of each would cost more than all look-ups.
 */
function nameIndex(view: DataView, strings: Uint8Array, count: number): (name: string) => number[] {
  const mask = 2 ** Math.ceil(Math.log2(Math.max(count, 2))) - 1;
  const heads = new Int32Array(mask + 1);
  const next = new Int32Array(count);
  for (let i = count - 1; i > 0; i--) {
    let at = view.getUint32(i * SYM_SIZE, true);
    let hash = 0;
    for (let c = strings[at]; c !== undefined && c !== 0; c = strings[++at])
      hash = (Math.imul(hash, 31) + c) | 0;
    const bucket = hash & mask;
    next[i] = heads[bucket] ?? 0;
    heads[bucket] = i;
  }
  return (name) => {
    const wanted = Buffer.from(name, 'latin1');
    let hash = 0;
    for (const c of wanted) hash = (Math.imul(hash, 31) + c) | 0;
    const found: number[] = [];
    for (let i = heads[hash & mask] ?? 0; i !== 0; i = next[i] ?? 0) {
      const at = view.getUint32(i * SYM_SIZE, true);
      const end = at + wanted.length;
      if (strings[end] === 0 && wanted.equals(strings.subarray(at, end))) found.push(i);
    }
    return found;
  };
}

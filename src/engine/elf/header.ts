import { KlpError } from '../../shared/errors.js';
import { EHDR_SIZE, SHDR_SIZE, SHN, SHT } from './constants.js';

/** Reads `length` bytes at `offset`; throws `elf-malformed` past the end. Files and buffers both fit. */
export type ByteSource = (offset: number, length: number) => Uint8Array;

export interface ElfHeader {
  type: number;
  machine: number;
  flags: number;
  osabi: number;
  sections: SectionHeader[];
}

/** One section header; offsets and sizes in bytes. */
export interface SectionHeader {
  name: string;
  type: number;
  flags: number;
  addr: bigint;
  offset: number;
  size: number;
  link: number;
  info: number;
  align: number;
  entsize: number;
}

/** The error for a file that does not hold to the format. */
export function malformed(label: string, what: string): KlpError {
  return new KlpError('elf-malformed', `${label}: ${what}`, { object: label });
}

/** A byte source over a buffer. `label` is the file's name in messages. */
export function bufferSource(bytes: Uint8Array, label: string): ByteSource {
  return (offset, length) => {
    if (offset < 0 || length < 0 || offset + length > bytes.length) {
      throw malformed(label, `${length} bytes at ${offset} lie outside the file of ${bytes.length} bytes`);
    }
    return bytes.subarray(offset, offset + length);
  };
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit field that counts bytes, as a number; beyond 2^53 it cannot be true of any file. */
export function readSize(view: DataView, at: number, label: string): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw malformed(label, `a size of ${value} bytes is impossible`);
  return Number(value);
}

/** No compiler makes longer names; a table of many would take all memory. */
const longestName = 64 * 1024;

/** The NUL-terminated string at `offset` of a string table. @throws elf-malformed */
export function stringAt(table: Uint8Array, offset: number, label: string): string {
  const end = offset < table.length ? table.indexOf(0, offset) : -1;
  if (end < 0) throw malformed(label, `a name at ${offset} lies outside its string table`);
  if (end - offset > longestName) throw malformed(label, `a name has ${end - offset} bytes`);
  return Buffer.from(table.buffer, table.byteOffset + offset, end - offset).toString('utf8');
}

/**
 * Reads the file header and the section headers of a little-endian ELF-64 file of any type.
 * @throws elf-malformed
 */
export function readHeader(source: ByteSource, label: string): ElfHeader {
  const ident = source(0, EHDR_SIZE);
  const head = viewOf(ident);
  if (head.getUint32(0, false) !== 0x7f454c46) throw malformed(label, 'not an ELF file');
  if (ident[4] !== 2 || ident[5] !== 1 || ident[6] !== 1) {
    throw malformed(label, 'not a little-endian 64-bit ELF file of version 1');
  }
  const offset = readSize(head, 40, label);
  const count = head.getUint16(60, true);
  const names = head.getUint16(62, true);
  if (head.getUint16(58, true) !== SHDR_SIZE) throw malformed(label, 'section headers of an unknown size');
  if (count === 0 || names === SHN.XINDEX) {
    throw malformed(label, 'more than 65279 sections (extended numbering) are not supported');
  }
  const table = viewOf(source(offset, count * SHDR_SIZE));
  const raw = Array.from({ length: count }, (_, i) => readSectionHeader(table, i * SHDR_SIZE, label));
  const strings = raw[names];
  if (strings?.header.type !== SHT.STRTAB) throw malformed(label, 'no table of section names');
  const stringBytes = source(strings.header.offset, strings.header.size);
  return {
    type: head.getUint16(16, true),
    machine: head.getUint16(18, true),
    flags: head.getUint32(48, true),
    osabi: ident[7] ?? 0,
    sections: raw.map(({ header, nameOffset }) => ({
      ...header,
      name: stringAt(stringBytes, nameOffset, label),
    })),
  };
}

function readSectionHeader(table: DataView, at: number, label: string) {
  const align = readSize(table, at + 48, label);
  if (align > 0 && !Number.isInteger(Math.log2(align))) {
    throw malformed(label, `an alignment of ${align} is not a power of two`);
  }
  return {
    nameOffset: table.getUint32(at, true),
    header: {
      type: table.getUint32(at + 4, true),
      flags: readSize(table, at + 8, label),
      addr: table.getBigUint64(at + 16, true),
      offset: readSize(table, at + 24, label),
      size: readSize(table, at + 32, label),
      link: table.getUint32(at + 40, true),
      info: table.getUint32(at + 44, true),
      align,
      entsize: readSize(table, at + 56, label),
    },
  };
}

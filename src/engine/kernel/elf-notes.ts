import { open, type FileHandle } from 'node:fs/promises';
import type { SymbolFile } from './symbol-file.js';

/** What is needed of a large ELF file without reading all of it. */
export interface ElfIdentity {
  /** e_machine. */
  machine: number;
  /** GNU build id, hex. */
  buildId?: string;
}

const SHT_NOTE = 7;
const NT_GNU_BUILD_ID = 3;
const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const maxNoteBytes = 64 * 1024;

/** Reads the machine and the build id of a little-endian ELF-64 file; undefined when it is none. */
export async function elfIdentity(path: string): Promise<ElfIdentity | undefined> {
  const file = await open(path, 'r');
  try {
    const header = await bytesAt(file, 0, EHDR_SIZE);
    const isElf64 = header?.toString('latin1', 0, 6) === '\x7fELF\x02\x01';
    if (!header || !isElf64) return undefined;
    const machine = header.readUInt16LE(18);
    const table = Number(header.readBigUInt64LE(40));
    const count = header.readUInt16LE(60);
    const sections = await bytesAt(file, table, count * SHDR_SIZE);
    const buildId = sections && (await findBuildId(file, sections));
    return { machine, ...(buildId ? { buildId } : {}) };
  } finally {
    await file.close();
  }
}

async function findBuildId(file: FileHandle, sections: Buffer): Promise<string | undefined> {
  for (let at = 0; at < sections.length; at += SHDR_SIZE) {
    if (sections.readUInt32LE(at + 4) !== SHT_NOTE) continue;
    const size = Number(sections.readBigUInt64LE(at + 32));
    if (size > maxNoteBytes) continue;
    const notes = await bytesAt(file, Number(sections.readBigUInt64LE(at + 24)), size);
    const id = notes && gnuBuildId(notes);
    if (id) return id;
  }
  return undefined;
}

/** The GNU build id of an opened file, hex. */
export function buildIdOf(file: SymbolFile): string | undefined {
  const notes = file.header.sections.filter(
    (s) => s.type === SHT_NOTE && s.size > 0 && s.size <= maxNoteBytes,
  );
  return notes.map((s) => gnuBuildId(Buffer.from(file.bytes(s)))).find((id) => id !== undefined);
}

/** The GNU build id among ELF notes, hex. Notes: sizes of name and content, a type, then both, each padded to four bytes. */
export function gnuBuildId(notes: Buffer): string | undefined {
  const padded = (size: number): number => Math.ceil(size / 4) * 4;
  for (let at = 0; at + 12 <= notes.length;) {
    const [nameSize, size, type] = [0, 4, 8].map((offset) => notes.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const content = at + 12 + padded(nameSize);
    const name = notes.toString('latin1', at + 12, at + 12 + nameSize);
    if (type === NT_GNU_BUILD_ID && name === 'GNU\0') return notes.toString('hex', content, content + size);
    at = content + padded(size);
  }
  return undefined;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return bytesRead === length ? buffer : undefined;
}

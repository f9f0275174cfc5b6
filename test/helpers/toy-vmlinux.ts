import { SHF, SHN, SHT, STB, STT } from '../../src/engine/elf/constants.js';
import type { ElfPlace, ElfSection, ElfSymbol } from '../../src/engine/elf/model.js';
import { writeElf } from '../../src/engine/elf/write.js';

/** A kernel of a few functions, of which vmlinux and what /proc shows are made. */
export interface ToyKernel {
  machine: number;
  vermagic: string;
  /** Hex. */
  buildId: string;
  /** In the order of their addresses; names may repeat. */
  functions: { name: string; traced?: boolean }[];
  exports: { name: string; crc: number; namespace?: string }[];
}

const base = 0xffffffff81000000n;
const functionSize = 16;

/** All that kallsyms lists, in its order. */
function listed({ functions, exports }: ToyKernel): string[] {
  return ['_text', ...functions.map((f) => f.name), ...exports.map((e) => `__ksymtab_${e.name}`), '_end'];
}

/** The kernel's vmlinux: code, vermagic, export tables, ftrace's table, kallsyms tables and a build id. */
export function toyVmlinux(toy: ToyKernel): Uint8Array {
  const text = newSection('.text', SHF.ALLOC | SHF.EXECINSTR);
  const data = newSection('.rodata', SHF.ALLOC);
  const notes = { ...newSection('.notes', SHF.ALLOC), type: SHT.NOTE };
  const sections = [text, data, notes];
  const address = new Map(sections.map((s, i) => [s, base + BigInt(i) * 0x100000n]));
  const symbols: ElfSymbol[] = [];
  const parts: Buffer[] = [];
  let end = 0;
  const define = (name: string, place: ElfPlace, value: bigint, type: number, size = 0): void =>
    void symbols.push({ name, binding: STB.LOCAL, type, other: 0, place, value, size: BigInt(size) });
  /** Puts bytes into .rodata, at a symbol. */
  const put = (name: string, bytes: Buffer): void => {
    define(name, data, (address.get(data) ?? 0n) + BigInt(end), STT.OBJECT, bytes.length);
    const padded = Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
    parts.push(padded);
    end += padded.length;
  };

  define('_text', text, base, STT.NOTYPE);
  const places = toy.functions.map((_, i) => base + BigInt(i * functionSize));
  toy.functions.forEach(({ name }, i) => define(name, text, places[i] ?? 0n, STT.FUNC, functionSize));
  text.data = new Uint8Array(toy.functions.length * functionSize).fill(0x90);
  put('vermagic', Buffer.from(`${toy.vermagic}\0`));
  for (const { name, crc, namespace = '' } of toy.exports) {
    put(`__ksymtab_${name}`, Buffer.alloc(12));
    put(`__crc_${name}`, u32(crc));
    put(`__kstrtabns_${name}`, Buffer.from(`${namespace}\0`));
  }
  const traced = places.filter((_, i) => toy.functions[i]?.traced !== false);
  put('__start_mcount_loc', Buffer.concat(traced.map((place) => u64(place + 4n))));
  define('__stop_mcount_loc', data, (address.get(data) ?? 0n) + BigInt(end), STT.NOTYPE);
  for (const [name, bytes] of kallsymsTables(listed(toy))) put(name, bytes);
  define('_end', SHN.ABS, base + 0x300000n, STT.NOTYPE);
  data.data = Buffer.concat(parts);
  notes.data = buildIdNote(toy.buildId);
  for (const section of sections) section.size = section.data.length;
  return linked(
    writeElf({ machine: toy.machine, flags: 0, osabi: 0, sections, symbols }),
    sections.map((s) => address.get(s) ?? 0n),
  );
}

/** What /proc/kallsyms shows of it; `modules` are the symbols of loaded modules, in the order of each one's table. */
export function toyKallsyms(
  toy: ToyKernel,
  options: { hidden?: boolean; modules?: Record<string, string[]> } = {},
): string {
  const line = (name: string, i: number, module = ''): string => {
    const address = options.hidden === true ? 0n : base + BigInt(i * functionSize);
    return `${address.toString(16).padStart(16, '0')} t ${name}${module}\n`;
  };
  const names = listed(toy);
  const modules = Object.entries(options.modules ?? {}).flatMap(([module, list]) =>
    list.map((name, i) => line(name, names.length + i, `\t[${module}]`)),
  );
  return [...names.map((name, i) => line(name, i)), ...modules].join('');
}

/** The content of /sys/kernel/notes. */
export function toyNotes({ buildId }: ToyKernel): Uint8Array {
  return buildIdNote(buildId);
}

/** An ELF note with a GNU build id. @param buildId hex */
export function buildIdNote(buildId: string): Buffer {
  const id = Buffer.from(buildId, 'hex');
  return Buffer.concat([u32(4), u32(id.length), u32(3), Buffer.from('GNU\0'), id]);
}

function newSection(name: string, flags: number): ElfSection {
  return { name, type: SHT.PROGBITS, flags, align: 8, entsize: 0, size: 0, data: new Uint8Array(0), info: 0 };
}

/** The kernel's tables (scripts/kallsyms.c) with one token for each character. */
function kallsymsTables(names: readonly string[]): [string, Buffer][] {
  const entries = names.map((name) =>
    Buffer.concat([Buffer.from([name.length + 1]), Buffer.from(`t${name}`)]),
  );
  const starts = entries.map((_, i) => entries.slice(0, i).reduce((sum, e) => sum + e.length, 0));
  const markers = starts.filter((_, i) => i % 256 === 0);
  const order = names.map((_, i) => i).sort((a, b) => byName(names[a] ?? '', names[b] ?? '') || a - b);
  const tokens = Array.from({ length: 256 }, (_, i) => Buffer.from([i, 0]));
  return [
    ['kallsyms_num_syms', u32(names.length)],
    ['kallsyms_names', Buffer.concat(entries)],
    ['kallsyms_markers', Buffer.concat(markers.map(u32))],
    [
      'kallsyms_seqs_of_names',
      Buffer.concat(order.map((i) => Buffer.from([i >> 16, i >> 8, i].map((b) => b & 0xff)))),
    ],
    // Readers take more than the last token in one go.
    ['kallsyms_token_table', Buffer.concat([...tokens, Buffer.alloc(256)])],
    [
      'kallsyms_token_index',
      Buffer.concat(tokens.map((_, i) => Buffer.from([(i * 2) & 0xff, (i * 2) >> 8]))),
    ],
  ];
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** Makes an executable of a relocatable file: its type, and the addresses of its first sections. */
function linked(bytes: Uint8Array, addresses: readonly bigint[]): Uint8Array {
  const out = Buffer.from(bytes);
  out.writeUInt16LE(2, 16);
  const table = Number(out.readBigUInt64LE(40));
  addresses.forEach((address, i) => out.writeBigUInt64LE(address, table + (i + 1) * 64 + 16));
  return out;
}

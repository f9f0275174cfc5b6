import { SHF, STT } from '../engine/elf/constants.js';
import { viewOf } from '../engine/elf/header.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from '../engine/elf/model.js';
import { pointsTo } from '../engine/elf/query.js';
import type { LivepatchNeeds, NeededSymbol } from './types.js';

/**
 * Reads the functions that a livepatch patches from the tables that it hands to klp_enable_patch
 * (include/linux/livepatch.h):
 *
 *     struct klp_patch  { mod, objs, ... }
 *     struct klp_object { name, funcs, 4 callbacks, ... }      name is NULL for vmlinux
 *     struct klp_func   { old_name, new_func, old_sympos, ... }
 *
 * Arrays end with an empty element. How large an element is depends on the kernel's configuration; it follows
 * from the array's size (its symbol's) and from where its pointers (relocations) are.
 */
export function readKlpTables(ko: ElfFile): LivepatchNeeds['functions'] {
  const pointers = pointersOf(ko);
  const found: NeededSymbol[][] = [];
  for (const [section, entries] of pointers) {
    for (const [offset, entry] of entries) {
      if (entry.symbol?.name !== '__this_module' || entry.addend !== 0n) continue;
      const functions = patchAt(ko, pointers, section, offset);
      if (functions !== undefined) found.push(functions);
    }
  }
  const [list] = found;
  if (list !== undefined && found.length === 1) return { ok: true, list };
  const why =
    found.length > 1
      ? 'it has several tables that could be those of the livepatch'
      : 'it has no readable table of them';
  return { ok: false, why };
}

/** The relocations of each section of data, by offset. */
type Pointers = Map<ElfSection, Map<number, ElfRela>>;

function pointersOf(ko: ElfFile): Pointers {
  const pointers: Pointers = new Map();
  for (const { relocation } of ko.sections) {
    if (relocation === undefined) continue;
    const { target, entries } = relocation;
    if ((target.flags & (SHF.ALLOC | SHF.WRITE | SHF.EXECINSTR)) !== (SHF.ALLOC | SHF.WRITE)) continue;
    const known = pointers.get(target) ?? new Map<number, ElfRela>();
    for (const entry of entries) known.set(entry.offset, entry);
    pointers.set(target, known);
  }
  return pointers;
}

/** The functions of the struct klp_patch whose `mod` is here; undefined when it is another structure. */
function patchAt(
  ko: ElfFile,
  pointers: Pointers,
  section: ElfSection,
  offset: number,
): NeededSymbol[] | undefined {
  const objects = arrayAt(ko, pointers, pointers.get(section)?.get(offset + 8));
  const elements = objects && elementsOf(objects, 8, [0, 8, 16, 24, 32, 40]);
  if (objects === undefined || elements === undefined || elements.length === 0) return undefined;
  const all: NeededSymbol[] = [];
  for (const at of elements) {
    const name = objects.pointers.get(at);
    const object = name === undefined ? 'vmlinux' : stringAt(name);
    const functions = functionsOf(arrayAt(ko, pointers, objects.pointers.get(at + 8)), object);
    if (functions === undefined) return undefined;
    all.push(...functions);
  }
  return all;
}

function functionsOf(table: Table | undefined, object: string | undefined): NeededSymbol[] | undefined {
  const elements = table && elementsOf(table, 0, [0, 8]);
  if (table === undefined || elements === undefined || object === undefined) return undefined;
  const data = viewOf(table.data);
  const functions: NeededSymbol[] = [];
  for (const at of elements) {
    const oldName = table.pointers.get(at);
    const name = oldName && stringAt(oldName);
    if (name === undefined || at + 24 > data.byteLength) return undefined;
    functions.push({ object, name, sympos: Number(data.getBigUint64(at + 16, true)) });
  }
  return functions;
}

interface Table {
  data: Uint8Array;
  /** By their offset in `data`. */
  pointers: Map<number, ElfRela>;
}

/** The array that a pointer leads to, as far as the symbol that begins there says. */
function arrayAt(ko: ElfFile, pointers: Pointers, pointer: ElfRela | undefined): Table | undefined {
  const to = pointer && pointsTo(pointer);
  if (to === undefined) return undefined;
  const symbol = ko.symbols.find(
    (s) => isArray(s) && s.place === to.section && Number(s.value) === to.offset,
  );
  if (symbol === undefined) return undefined;
  const end = to.offset + Number(symbol.size);
  if (end > to.section.data.length) return undefined;
  const own = [...(pointers.get(to.section) ?? [])].filter(([at]) => to.offset <= at && at < end);
  return {
    data: to.section.data.subarray(to.offset, end),
    pointers: new Map(own.map(([at, rela]) => [at - to.offset, rela])),
  };
}

function isArray(symbol: ElfSymbol): boolean {
  return symbol.type === STT.OBJECT && symbol.size > 0n;
}

/** Pointers of the fields that elements begin with; the lists and states behind them are empty in the file. */
const longestHead = 48;

/**
 * Where the elements of an array begin, the empty one apart: the only size of an element with which every pointer is in one of
 * the fields and every element has the one it needs.
 */
function elementsOf(table: Table, needed: number, fields: readonly number[]): number[] | undefined {
  const offsets = [...table.pointers.keys()];
  const last = Math.max(-1, ...offsets);
  for (let count = 0; (count + 1) * longestHead <= table.data.length && count <= offsets.length; count++) {
    const size = table.data.length / (count + 1);
    if (!Number.isInteger(size) || last >= count * size) continue;
    const starts = Array.from({ length: count }, (_, i) => i * size);
    const fits =
      offsets.every((at) => fields.includes(at % size)) &&
      starts.every((start) => table.pointers.has(start + needed));
    if (fits) return starts;
  }
  return undefined;
}

/** Longest name of a symbol in the kernel (KSYM_NAME_LEN). */
const longestName = 512;

function stringAt(pointer: ElfRela): string | undefined {
  const to = pointsTo(pointer);
  if (to === undefined || to.offset < 0) return undefined;
  const bytes = to.section.data.subarray(to.offset, to.offset + longestName);
  const end = bytes.indexOf(0);
  return end <= 0 ? undefined : Buffer.from(bytes.subarray(0, end)).toString('latin1');
}

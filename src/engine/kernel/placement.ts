import { RELA_SIZE, SHF, SHN, SHT, STB, STT } from '../elf/constants.js';
import { viewOf } from '../elf/header.js';
import { isDefined, lazily, type FileSymbol, type SymbolFile } from './symbol-file.js';

/** Where a section of an object came to lie in the file that it was linked into (vmlinux or a .ko). */
export interface PlacedSection {
  /** Section index in the linked file, and the offset of the object's section in it. */
  section: number;
  base: bigint;
}

/** Where all sections of an object lie in the linked file. */
export interface Placement {
  /** By section index in the object; sections that the link dropped are not in it. */
  sections: ReadonlyMap<number, PlacedSection>;
  /** The linked file's local symbols of this object, by name. */
  locals: ReadonlyMap<string, FileSymbol>;
}

/** The result of looking for an object in a linked file. */
export type PlacementResult = { ok: true; placement: Placement } | { ok: false; why: string };

/**
 * Proves where an object's sections lie in the file it was linked into.
 *
 * A linker keeps the local symbols of one input together behind its STT_FILE symbol (gABI, symbol table), and an
 * input section in one piece. A candidate is a run of locals behind the object's file name; it stands when every
 * local and every global symbol of the object is found at one and the same distance from its section's start,
 * with its size, and when the sections' bytes are the same outside of relocations. Exactly one must stand.
 */
export function placeObject(object: SymbolFile, linked: SymbolFile): PlacementResult {
  const shape = objectShape(object);
  if (shape.fileName === undefined && shape.locals.length > 0)
    return { ok: false, why: `${object.label} does not tell its source file's name` };
  const reasons: string[] = [];
  const standing: Placement[] = [];
  for (const group of candidateGroups(shape, linked)) {
    const found = tryGroup(shape, linked, group);
    if (typeof found === 'string') reasons.push(found);
    else standing.push(found);
  }
  const same = standing.filter((p) => {
    const different = differentBytes(object, linked, p);
    if (different !== undefined) reasons.push(different);
    return different === undefined;
  });
  // The globals alone hold up any run that has none of the locals; the object's own run has all that were kept.
  const most = Math.max(...same.map((p) => p.locals.size));
  const exact = [
    ...new Map(same.filter((p) => p.locals.size === most).map((p) => [placeKey(p), p])).values(),
  ];
  const [placement] = exact;
  if (placement !== undefined && exact.length === 1) return { ok: true, placement };
  if (exact.length > 1)
    return { ok: false, why: `${exact.length} places in ${linked.label} look like ${object.label}` };
  const why = reasons[0] ?? `${linked.label} has no symbols of a file ${shape.fileName ?? ''}`;
  return { ok: false, why };
}

function placeKey(placement: Placement): string {
  return [...placement.sections]
    .map(([i, { section, base }]) => `${i}:${section}+${base}`)
    .sort()
    .join();
}

interface Shape {
  fileName?: string;
  /** Named local symbols in sections that are loaded, labels apart. */
  locals: FileSymbol[];
  globals: FileSymbol[];
  /** Local symbols in sections that the linker takes apart to merge equal constants. */
  merged: FileSymbol[];
}

/**
 * Names that are no identity: the assembler's own labels, and the mapping symbols by which some architectures tell code
 * from data in a section (`$x`, `$d.3`; ELF for the Arm 64-bit Architecture, "Mapping symbols").
 */
function isLabel(name: string): boolean {
  return name.startsWith('.L') || /^\$[a-z](?:\.|$)/.test(name);
}

function objectShape(object: SymbolFile): Shape {
  const shape: Shape = { locals: [], globals: [], merged: [] };
  for (let i = 1; i < object.count; i++) {
    const s = object.symbol(i);
    if (s.type === STT.FILE) shape.fileName ??= s.name;
    if (!isDefined(s) || s.type === STT.SECTION || s.name === '' || isLabel(s.name)) continue;
    const header = object.header.sections[s.section];
    if (header === undefined || (header.flags & SHF.ALLOC) === 0) continue;
    if ((header.flags & SHF.MERGE) !== 0) {
      if (s.binding === STB.LOCAL) shape.merged.push(s);
      continue;
    }
    if (s.binding === STB.LOCAL) shape.locals.push(s);
    else if (s.binding === STB.GLOBAL) shape.globals.push(s);
  }
  return shape;
}

/** The runs of local symbols that may be the object's; an empty one for an object that has none. */
function* candidateGroups(shape: Shape, linked: SymbolFile): Generator<Map<string, FileSymbol>> {
  if (shape.locals.length === 0) {
    yield new Map();
    return;
  }
  for (const fileIndex of linked.files()) {
    if (linked.symbol(fileIndex).name !== shape.fileName) continue;
    const group = new Map<string, FileSymbol>();
    for (let i = fileIndex + 1; i < linked.firstGlobal; i++) {
      const s = linked.symbol(i);
      if (s.type === STT.FILE) break;
      if (isDefined(s) && s.name !== '') group.set(s.name, s);
    }
    yield group;
  }
}

/** The placement that a run of locals implies, or why it cannot be this object. */
function tryGroup(
  shape: Shape,
  linked: SymbolFile,
  group: ReadonlyMap<string, FileSymbol>,
): Placement | string {
  const sections = new Map<number, PlacedSection>();
  const missing = new Set<number>();
  const locals = new Map<string, FileSymbol>();
  for (const s of shape.locals) {
    const there = group.get(s.name);
    if (there === undefined) missing.add(s.section);
    else if (!agrees(s, there, linked, sections)) return `${s.name} lies elsewhere in ${linked.label}`;
    else locals.set(s.name, there);
  }
  // These have no fixed distance, but the run they are in tells whose they are.
  for (const s of shape.merged) {
    const there = group.get(s.name);
    if (there !== undefined && there.size === s.size && there.type === s.type) locals.set(s.name, there);
  }
  for (const s of shape.globals) {
    const there = linked.named(s.name).filter((g) => isDefined(g) && g.index >= linked.firstGlobal);
    const [only] = there;
    if (only === undefined || there.length > 1) continue;
    if (!agrees(s, only, linked, sections)) return `${s.name} lies elsewhere in ${linked.label}`;
  }
  for (const section of missing) {
    if (sections.has(section)) return `${linked.label} has only a part of the symbols`;
  }
  return sections.size === 0 ? `${linked.label} has none of its symbols` : { sections, locals };
}

/** Whether a symbol's place fits the places of its section's other symbols; the first one decides. */
function agrees(
  s: FileSymbol,
  there: FileSymbol,
  linked: SymbolFile,
  sections: Map<number, PlacedSection>,
): boolean {
  if (s.size !== there.size || s.type !== there.type) return false;
  const start = linked.header.sections[there.section]?.addr ?? 0n;
  const base = there.value - start - s.value;
  const known = sections.get(s.section);
  if (known === undefined) {
    if (base < 0n) return false;
    sections.set(s.section, { section: there.section, base });
    return true;
  }
  return known.section === there.section && known.base === base;
}

/** The first placed section whose content is not the object's; undefined when all are. */
function differentBytes(object: SymbolFile, linked: SymbolFile, placement: Placement): string | undefined {
  const masks = lazily(() => relocatedBytes(object));
  for (const [index, { section, base }] of placement.sections) {
    const from = object.header.sections[index];
    const to = linked.header.sections[section];
    if (from === undefined || to === undefined) return 'a section is missing';
    if (base + BigInt(from.size) > BigInt(to.size)) return `${from.name} does not fit into ${to.name}`;
    // Data of the boot is changed after the link (scripts/sorttable.c), and gone when a livepatch comes.
    if (from.type === SHT.NOBITS || to.type === SHT.NOBITS || from.name.startsWith('.init.data')) continue;
    const expected = object.bytes(from);
    const found = linked.bytes(to, Number(base), from.size);
    const mask = masks().get(index);
    for (let i = 0; i < expected.length; i++) {
      if (expected[i] !== found[i] && mask?.[i] !== 1) {
        return `${from.name} of ${object.label} differs from ${linked.label} at byte ${i}`;
      }
    }
  }
  return undefined;
}

/**
 * Which bytes of each section the link or objtool may have changed: fields of relocations with the few bytes of the
 * instruction around them (calls of `__fentry__` become NOPs, GOT loads become LEAs), and the jumps or NOPs of
 * static branches, which `__jump_table` points at.
 */
function relocatedBytes(object: SymbolFile): Map<number, Uint8Array> {
  const masks = new Map<number, Uint8Array>();
  const mark = (index: number, from: number, to: number): void => {
    const size = object.header.sections[index]?.size ?? 0;
    const mask = masks.get(index) ?? new Uint8Array(size);
    masks.set(index, mask);
    mask.fill(1, Math.max(from, 0), Math.max(Math.min(to, size), 0));
  };
  for (const header of object.header.sections) {
    if (header.type !== SHT.RELA) continue;
    const view = viewOf(object.bytes(header));
    const isJumpTable = object.header.sections[header.info]?.name === '__jump_table';
    for (let at = 0; at + RELA_SIZE <= header.size; at += RELA_SIZE) {
      const offset = Number(view.getBigUint64(at, true));
      mark(header.info, offset - 3, offset + 8);
      const target = isJumpTable ? view.getUint32(at + 12, true) : 0;
      if (target === 0 || target >= object.count) continue;
      const symbol = object.symbol(target);
      if (symbol.section === SHN.UNDEF) continue;
      const place = Number(symbol.value + view.getBigInt64(at + 16, true));
      mark(symbol.section, place, place + 5);
    }
  }
  return masks;
}

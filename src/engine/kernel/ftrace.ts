import type { ArchData } from '../../shared/catalog.js';
import { RELA_SIZE, SHT } from '../elf/constants.js';
import { viewOf } from '../elf/header.js';
import { lazily, type FileSymbol, type SymbolFile } from './symbol-file.js';

/**
 * Whether a function has an ftrace entry.
 * @param own the symbol in the unit's object
 * @param linked the same symbol in vmlinux or the .ko; asked for only when needed
 */
export type FtraceEntries = (own: FileSymbol, linked: () => FileSymbol) => boolean;

/**
 * Reads the records of ftrace's call sites: from the unit's own object, or, where objtool makes them only after the link
 * (x86 with IBT), from the module or from the table in vmlinux.
 * @param arch names the section that holds the addresses of the call sites, and tells how far in front of a function
 *   its call site may be
 */
export function openFtraceEntries(
  arch: Pick<ArchData, 'ftraceEntrySection' | 'ftraceEntryLead'>,
  object: SymbolFile,
  linked: SymbolFile,
): FtraceEntries {
  const section = arch.ftraceEntrySection;
  const lead = BigInt(arch.ftraceEntryLead);
  const own = relocatedPlaces(object, section);
  if (own !== undefined) return (symbol) => covers(own(symbol.section), symbol, lead);
  const inModule = relocatedPlaces(linked, section);
  if (inModule !== undefined) {
    return (_, find) => {
      const symbol = find();
      return covers(inModule(symbol.section), symbol, lead);
    };
  }
  const table = lazily(() => vmlinuxTable(linked));
  return (_, find) => covers(table(), find(), lead);
}

function covers(places: readonly bigint[] | BigUint64Array, symbol: FileSymbol, lead: bigint): boolean {
  const from = symbol.value - lead;
  const to = symbol.value + symbol.size;
  return places.some((place: bigint) => from <= place && place < to);
}

/** The places that the records of a relocatable file name, by section; undefined when it has no records. */
export function relocatedPlaces(
  file: SymbolFile,
  section: string,
): ((index: number) => bigint[]) | undefined {
  const { sections } = file.header;
  const relas = sections.filter((s) => s.type === SHT.RELA && sections[s.info]?.name === section);
  if (relas.length === 0) return undefined;
  const places = new Map<number, bigint[]>();
  for (const header of relas) {
    const view = viewOf(file.bytes(header));
    for (let at = 0; at + RELA_SIZE <= header.size; at += RELA_SIZE) {
      const symbol = file.symbol(view.getUint32(at + 12, true));
      const list = places.get(symbol.section) ?? [];
      places.set(symbol.section, list);
      list.push(symbol.value + view.getBigInt64(at + 16, true));
    }
  }
  return (index) => places.get(index) ?? [];
}

/** The kernel's own table (include/asm-generic/vmlinux.lds.h, MCOUNT_REC). */
function vmlinuxTable(vmlinux: SymbolFile): BigUint64Array {
  const start = vmlinux.named('__start_mcount_loc')[0]?.value;
  const stop = vmlinux.named('__stop_mcount_loc')[0]?.value;
  if (start === undefined || stop === undefined || stop <= start) return new BigUint64Array(0);
  const bytes = vmlinux.atAddress(start, Number(stop - start));
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
}

import { viewOf } from '../elf/header.js';
import { relocatedPlaces } from './ftrace.js';
import type { FileSymbol, SymbolFile } from './symbol-file.js';

/** Names the functions from whose start the kernel takes the mark for indirect calls when it boots (x86 with IBT). */
export const sealSection = '.ibt_endbr_seal';

/**
 * Functions that objtool saw called by name alone: the kernel overwrites the ENDBR at their start, so a call by a pointer
 * traps on processors with IBT (arch/x86/kernel/alternative.c, apply_seal_endbr). A module has relocations for the list,
 * vmlinux offsets from each entry.
 */
export function openSeals(file: SymbolFile): (symbol: FileSymbol) => boolean {
  const inModule = relocatedPlaces(file, sealSection);
  if (inModule !== undefined) return (symbol) => inModule(symbol.section).includes(symbol.value);
  const places = new Set<bigint>();
  for (const header of file.header.sections.filter(({ name }) => name === sealSection)) {
    const view = viewOf(file.bytes(header));
    for (let at = 0; at + 4 <= header.size; at += 4) {
      places.add(header.addr + BigInt(at) + BigInt(view.getInt32(at, true)));
    }
  }
  return ({ value }) => places.has(value);
}

import { SHF, SHN } from '../elf/constants.js';
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/model.js';
import { definedSymbol } from '../elf/query.js';

/**
 * Tells from which functions each undefined symbol can be reached, through whatever the code calls or points at.
 * @param elf an object with a section for each function and variable; where some share one, each counts as using all
 *   that the others use
 * @param roots names of functions in it
 * @returns the roots by the name of the symbol; a symbol that no root reaches is not there
 */
export function reachedFrom(elf: ElfFile, roots: readonly string[]): Map<string, Set<string>> {
  const uses = new Map<ElfSection, ElfSymbol[]>();
  for (const { relocation } of elf.sections) {
    if (relocation === undefined || (relocation.target.flags & SHF.ALLOC) === 0) continue;
    const used = relocation.entries.flatMap(({ symbol }) => symbol ?? []);
    uses.set(relocation.target, [...(uses.get(relocation.target) ?? []), ...used]);
  }
  const found = new Map<string, Set<string>>();
  for (const root of roots) {
    const start = definedSymbol(elf, root)?.place;
    const work = typeof start === 'object' ? [start] : [];
    const seen = new Set(work);
    for (let section = work.pop(); section; section = work.pop()) {
      for (const { name, place } of uses.get(section) ?? []) {
        if (place === SHN.UNDEF) found.set(name, (found.get(name) ?? new Set()).add(root));
        if (typeof place !== 'object' || seen.has(place)) continue;
        seen.add(place);
        work.push(place);
      }
    }
  }
  return found;
}

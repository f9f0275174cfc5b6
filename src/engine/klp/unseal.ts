import type { ElfFile, ElfSection } from '../elf/model.js';
import { sealSection } from '../kernel/seals.js';

/**
 * Takes away the list of functions that are to lose their mark for indirect calls, and with kCFI their type, when the module
 * is loaded. objtool makes it for one object, and names those whose address that object does not take; in a livepatch
 * another object may, and struct klp_callbacks does. Functions that keep the mark run as well. Changes `elf`.
 */
export function dropSeals(elf: ElfFile): void {
  const isSeal = (section: ElfSection): boolean =>
    (section.relocation?.target ?? section).name === sealSection;
  elf.symbols = elf.symbols.filter(({ place }) => typeof place === 'number' || !isSeal(place));
  elf.sections = elf.sections.filter((section) => !isSeal(section));
}

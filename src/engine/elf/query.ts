import { SHF, SHN, STT } from './constants.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from './model.js';

/** The first section of this name. */
export function sectionNamed(file: ElfFile, name: string): ElfSection | undefined {
  return file.sections.find((s) => s.name === name);
}

/** All relocations that apply to a section. */
export function relocationsOf(file: ElfFile, target: ElfSection): ElfRela[] {
  return file.sections.flatMap((s) => (s.relocation?.target === target ? s.relocation.entries : []));
}

/** The place a relocation's symbol and addend name together; undefined for symbols outside the file. */
export function pointsTo(rela: ElfRela): { section: ElfSection; offset: number } | undefined {
  const symbol = rela.symbol;
  if (symbol === undefined || typeof symbol.place === 'number') return undefined;
  return { section: symbol.place, offset: Number(symbol.value + rela.addend) };
}

/** The function that contains the code address a relocation names. */
export function functionAt(file: ElfFile, rela: ElfRela): ElfSymbol | undefined {
  const to = pointsTo(rela);
  if (to === undefined || (to.section.flags & SHF.EXECINSTR) === 0) return undefined;
  return functionCovering(file, to.section, to.offset);
}

/** The function symbol whose code covers `offset` in `section`. */
export function functionCovering(file: ElfFile, section: ElfSection, offset: number): ElfSymbol | undefined {
  return file.symbols.find(
    (s) =>
      s.type === STT.FUNC &&
      s.place === section &&
      Number(s.value) <= offset &&
      offset < Number(s.value) + Math.max(Number(s.size), 1),
  );
}

/** The defined symbol of this name that other files can see, or failing that a local one. */
export function definedSymbol(file: ElfFile, name: string): ElfSymbol | undefined {
  const defined = file.symbols.filter((s) => s.name === name && s.place !== SHN.UNDEF);
  return defined.find((s) => s.binding !== 0) ?? defined[0];
}

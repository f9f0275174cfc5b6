import { KlpError } from '../../shared/errors.js';
import { SHF, SHN, SHT, STB, STT } from '../elf/constants.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from '../elf/model.js';
import { functionAt } from '../elf/query.js';
import { decodeReference, klpRelaName, klpSymbolName, type KlpReference } from './names.js';
import { readWhileLoading } from './special-sections.js';

/**
 * Turns the intermediate symbols of a linked livepatch module into what the kernel expects: SHN_LIVEPATCH
 * symbols, with their relocations in sections of their own, one for each object and target. Changes `ko`.
 * @throws late-special-section when a module's symbol is needed before that module may be there
 */
export function convertToKlp(ko: ElfFile): void {
  const references = new Map<ElfSymbol, KlpReference>();
  const finals = new Map<string, ElfSymbol>();
  const replacement = new Map<ElfSymbol, ElfSymbol>();
  for (const symbol of ko.symbols) {
    const reference = symbol.place === SHN.UNDEF ? decodeReference(symbol.name) : undefined;
    if (reference === undefined) continue;
    references.set(symbol, reference);
    const name = klpSymbolName(reference);
    const final = finals.get(name) ?? klpSymbol(name);
    finals.set(name, final);
    replacement.set(symbol, final);
  }

  const moved = new Map<string, ElfSection>();
  for (const section of [...ko.sections]) {
    if (section.relocation === undefined) continue;
    const { target, entries } = section.relocation;
    const kept: ElfRela[] = [];
    for (const entry of entries) {
      const reference = entry.symbol && references.get(entry.symbol);
      const symbol = entry.symbol && replacement.get(entry.symbol);
      if (reference === undefined || symbol === undefined) {
        kept.push(entry);
        continue;
      }
      entry.symbol = symbol;
      // Sections that are not loaded (debug information) are not relocated by the kernel either way.
      if ((target.flags & SHF.ALLOC) === 0) {
        kept.push(entry);
        continue;
      }
      if (reference.appliedWith !== 'vmlinux' && readWhileLoading(target.name)) {
        throw lateSpecialSection(ko, target, entries, entry, reference);
      }
      const name = klpRelaName(reference.appliedWith, target.name);
      const relas = moved.get(name) ?? klpRelaSection(name, target);
      moved.set(name, relas);
      relas.relocation?.entries.push(entry);
    }
    section.relocation.entries = kept;
  }

  ko.sections = ko.sections.filter((s) => s.relocation === undefined || s.relocation.entries.length > 0);
  ko.sections.push(...moved.values());
  ko.symbols = [...ko.symbols.filter((s) => !references.has(s)), ...finals.values()];
}

function klpSymbol(name: string): ElfSymbol {
  return { name, binding: STB.GLOBAL, type: STT.NOTYPE, other: 0, place: SHN.LIVEPATCH, value: 0n, size: 0n };
}

function klpRelaSection(name: string, target: ElfSection): ElfSection {
  return {
    name,
    type: SHT.RELA,
    flags: SHF.RELA_LIVEPATCH | SHF.ALLOC | SHF.INFO_LINK,
    align: 8,
    entsize: 24,
    size: 0,
    data: new Uint8Array(0),
    info: 0,
    relocation: { target, entries: [] },
  };
}

/** Names the function by the code address that the same table entry holds beside the symbol. */
function lateSpecialSection(
  ko: ElfFile,
  target: ElfSection,
  entries: readonly ElfRela[],
  entry: ElfRela,
  reference: KlpReference,
): KlpError {
  const near = entries
    .filter((e) => Math.abs(e.offset - entry.offset) <= 16 && e !== entry)
    .sort((a, b) => Math.abs(a.offset - entry.offset) - Math.abs(b.offset - entry.offset));
  const owner = near.map((e) => functionAt(ko, e)).find((f) => f !== undefined);
  const where = owner === undefined ? '' : ` of ${owner.name}`;
  return new KlpError(
    'late-special-section',
    `${target.name}${where} needs ${reference.name} of module ${reference.objname}, ` +
      `which may be loaded after the livepatch`,
    { object: reference.appliedWith, ...(owner === undefined ? {} : { function: owner.name }) },
  );
}

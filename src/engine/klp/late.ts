import { archData, type ArchData } from '../../shared/catalog.js';
import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { seriesSets } from '../../shared/series.js';
import { SHF, SHN, SHT } from '../elf/constants.js';
import type { ElfFile, ElfRela, ElfSection } from '../elf/model.js';
import { functionCovering } from '../elf/query.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { KernelTree } from '../types.js';

/**
 * Late relocations: those against the symbols of a module, which the kernel applies to a complete livepatch when that
 * module is loaded, and again each time it is. Not all that can be done while a module is made can be done then.
 */
type LateRules = NonNullable<ArchData['lateRelocations']>;

export interface LateProblem {
  section: ElfSection;
  entry: ElfRela;
  /** Whether it goes away when the code moves by some bytes. */
  movable: boolean;
  why: string;
}

/** What an architecture cannot do late, as far as the kernel does not carry a patch of ours that makes it. */
export function lateRules({ arch, series }: Pick<KernelTree, 'arch' | 'series'>): LateRules | undefined {
  const data = archData(arch);
  const { lateRelocations: rules } = data;
  const anyAlignment = seriesSets(data).some((set) => set.anyAlignment && series.includes(set.name));
  return rules && anyAlignment ? { ...rules, alignment: 1 } : rules;
}

/** The modules that a livepatch has late relocations against, sorted; where `which` is given, such ones. */
export function lateModules(ko: ElfFile, which: (entry: ElfRela) => boolean = () => true): string[] {
  const objects = lateRelocations(ko).flatMap(({ name, relocation }) =>
    relocation.entries.some(which) ? name.slice(klpRela.length).split('.', 1) : [],
  );
  return [...new Set(objects)].sort();
}

/** The modules that a livepatch branches to by late relocations, sorted. */
export function lateBranches(ko: ElfFile, rules: LateRules | undefined): string[] {
  return lateModules(ko, (entry) => rules?.branches.includes(entry.type) === true);
}

/**
 * The kernel writes late relocations where it finds nothing yet. Until Linux 6.3 it leaves them there when the module
 * goes, and does not load the module a second time; later ones take them away (clear_relocate_add()).
 * @param modules those that the livepatch has late relocations against
 */
export function reloadFindings(
  modules: readonly string[],
  kernel: Pick<KernelSymbols, 'hasFunction'>,
): Finding[] {
  if (modules.length === 0 || kernel.hasFunction('clear_relocate_add')) return [];
  return [
    {
      code: 'module-loads-once',
      severity: 'warning',
      message: `this kernel does not load ${modules.join(', ')} again after unloading while the livepatch is loaded`,
    },
  ];
}

/** `.klp.rela.OBJECT.SECTION`, and OBJECT is a module. */
const klpRela = '.klp.rela.';

function lateRelocations(ko: ElfFile): (ElfSection & Required<Pick<ElfSection, 'relocation'>>)[] {
  return ko.sections.filter(
    (section): section is ElfSection & Required<Pick<ElfSection, 'relocation'>> =>
      section.relocation !== undefined &&
      section.name.startsWith(klpRela) &&
      !section.name.startsWith(`${klpRela}vmlinux.`),
  );
}

/** The late relocations of a livepatch that the kernel cannot apply or not apply again. */
export function lateProblems(
  ko: ElfFile,
  rules: LateRules | undefined,
  config: KernelTree['config'],
): LateProblem[] {
  if (rules === undefined) return [];
  const { alignment, veneers } = rules;
  const needsVeneers = config.get(veneers.config) === 'y';
  return lateRelocations(ko).flatMap(({ relocation }): LateProblem[] => {
    const { target: section, entries } = relocation;
    return entries.flatMap((entry): LateProblem[] => {
      if (entry.offset % alignment !== 0) {
        const why = `its place is no multiple of ${alignment} bytes`;
        return [{ section, entry, movable: false, why }];
      }
      if (!needsVeneers || !veneers.types.includes(entry.type)) return [];
      if (entry.offset % veneers.page < veneers.from) return [];
      const why = `the workaround for a processor erratum (${veneers.config}) would replace its instruction`;
      return [{ section, entry, movable: section.name === '.text', why }];
    });
  });
}

/** @throws KlpError `late-relocation-impossible` for the first of the problems */
export function refuseLate(ko: ElfFile, problems: readonly LateProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const { section, entry, why } = first;
  const name = functionCovering(ko, section, entry.offset)?.name;
  const symbol = entry.symbol?.place === SHN.LIVEPATCH ? entry.symbol.name : 'a symbol';
  throw new KlpError(
    'late-relocation-impossible',
    `${name ?? section.name} needs ${symbol.replace(/^\.klp\.sym\./, '')} at offset ${entry.offset} of ${section.name}: ${why}`,
    name === undefined ? {} : { function: name },
  );
}

/** An object of nothing but `size` bytes of code that nobody calls; linked first, it moves the others' code. */
export function fillerObject(machine: number, flags: number, size: number): ElfFile {
  const text: ElfSection = {
    name: '.text',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    align: 16,
    entsize: 0,
    size,
    data: new Uint8Array(size),
    info: 0,
  };
  return { machine, flags, osabi: 0, sections: [text], symbols: [] };
}

import { KlpError } from '../../shared/errors.js';
import type { ElfFile, ElfSection } from '../elf/model.js';
import { relocationsOf } from '../elf/query.js';
import type { TranslationUnit } from '../types.js';

/** The one section that the module loader gives each CPU a copy of (find_pcpusec() in kernel/module/main.c). */
const perCpu = '.data..percpu';

/**
 * What the module loader makes read-only as soon as the livepatch is loaded (layout_and_allocate() in
 * kernel/module/main.c). Its functions run only then, and callbacks of modules that are loaded later.
 */
const readOnlySoon = '.data..ro_after_init';

/** Data that is what it is by its place in vmlinux (include/asm-generic/vmlinux.lds.h, arch/x86/kernel/vmlinux.lds.S). */
const ofVmlinux: readonly { section: RegExp; what: string }[] = [
  { section: /^\.(?:data|bss)\.\.(?:percpu\.\.)?decrypted$/, what: 'decrypts for its host' },
  { section: /^\.(?:data|bss)\.\.nosave$/, what: 'leaves out when it hibernates' },
  { section: /^\.bss\.\.brk$/, what: 'reserves for its boot' },
];

/**
 * Puts the data of a livepatch where the module loader finds it. The link of vmlinux brings the kinds of per-CPU data
 * together (`.data..percpu..read_mostly`, `..shared_aligned`, …), that of a module does not, and what is left apart is
 * ordinary data, to which an access by CPU goes astray. Data that would be read-only too soon stays writable. Changes `elf`.
 * @throws KlpError `section-not-for-modules` naming the variable
 */
export function settleData(elf: ElfFile, unit: TranslationUnit): void {
  for (const section of elf.sections) {
    if (section.size === 0 || section.relocation) continue;
    const kind = ofVmlinux.find((k) => k.section.test(section.name));
    if (kind) {
      const why = `which the kernel ${kind.what} as part of vmlinux alone`;
      throw refusal(elf, section, 0, `is in ${section.name}, ${why}`, unit);
    }
    if (section.name === readOnlySoon) section.name = '.data';
    if (section.name !== perCpu && !section.name.startsWith(`${perCpu}..`)) continue;
    const [address] = relocationsOf(elf, section);
    if (address) {
      const why =
        'is per-CPU data that starts with an address in it, which the module loader does not fill in';
      throw refusal(elf, section, address.offset, why, unit);
    }
    section.name = perCpu;
  }
}

function refusal(
  elf: ElfFile,
  section: ElfSection,
  offset: number,
  why: string,
  { source, object }: TranslationUnit,
): KlpError {
  const covers = (value: bigint, size: bigint): boolean =>
    Number(value) <= offset && offset < Number(value + size);
  const variable = elf.symbols.find((s) => s.place === section && covers(s.value, s.size))?.name;
  return new KlpError('section-not-for-modules', `${variable ?? 'new data'} ${why}`, {
    file: source,
    object,
  });
}

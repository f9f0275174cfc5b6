import { readFile } from 'node:fs/promises';
import { KlpError } from '../../shared/errors.js';
import { SHF, SHT } from '../elf/constants.js';
import type { ElfFile, ElfSection } from '../elf/model.js';
import { functionAt, relocationsOf } from '../elf/query.js';
import { readElf } from '../elf/read.js';
import { readWhileLoading } from '../klp/special-sections.js';
import type { TranslationUnit } from '../types.js';

/** Sections of code and data alone, wherever the linker puts them (include/asm-generic/vmlinux.lds.h, scripts/module.lds.S). */
const plain =
  /^\.(?:text|rodata|data|bss|ref\.(?:text|data)|sched\.text|spinlock\.text|kprobes\.text|cpuidle\.text|noinstr\.text|static_call\.text|irqentry\.text|softirqentry\.text|note|eh_frame|plt|init\.plt)(?:\.|$)|^\.bss|^__(?:bug_table|kcfi_traps)$|^\.printk_index$|^__tracepoint_str$|^__trace_printk_fmt$|^__bpf_raw_tp_map$|^_kprobe_blacklist$|^_error_injection_whitelist$|^_ftrace_eval_map$/;

/**
 * Looks for records that the code of changed functions leaves in sections of their own. The kernel's module loader
 * acts on those it knows; any other is read by the boot code of vmlinux only, and what it says would not happen to the
 * livepatch's code.
 * @throws KlpError `section-not-for-modules` naming the section and the function
 */
export async function checkSections(unit: TranslationUnit, path: string): Promise<void> {
  const elf = readElf(await readFile(path), unit.object);
  for (const section of elf.sections) {
    const loaded = (section.flags & SHF.ALLOC) !== 0 && section.type !== SHT.RELA && section.size > 0;
    if (!loaded || plain.test(section.name) || readWhileLoading(section.name)) continue;
    const name = functionOf(elf, section);
    throw new KlpError(
      'section-not-for-modules',
      `${name ?? 'the changed code'} leaves records in section ${section.name}, which only the boot of the kernel acts on`,
      { file: unit.source, object: unit.object, ...(name === undefined ? {} : { function: name }) },
    );
  }
}

/** The function that a section's first record about code is about. */
function functionOf(elf: ElfFile, section: ElfSection): string | undefined {
  for (const rela of relocationsOf(elf, section)) {
    const f = functionAt(elf, rela);
    if (f) return f.name;
  }
  return undefined;
}

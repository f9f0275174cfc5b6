/**
 * Sections that the kernel reads or patches while it loads a module, before late relocations are written
 * (kernel/module/main.c, arch/{x86,arm64}/kernel/{module,alternative}.c, kernel/jump_label.c,
 * kernel/static_call_inline.c, lib/bug.c). Relocations against vmlinux are written first and may stand in them.
 */
const names: readonly RegExp[] = [
  /^__jump_table$/,
  /^\.static_call_sites$/,
  /^\.altinstructions$/,
  /^\.altinstr_replacement$/,
  /^\.altinstr_aux$/,
  /^\.parainstructions$/,
  /^\.smp_locks$/,
  /^\.retpoline_sites$/,
  /^\.return_sites$/,
  /^\.call_sites$/,
  /^\.cfi_sites$/,
  /^\.ibt_endbr_seal$/,
  /^\.orc_/,
  /^__bug_table$/,
  /^__ex_table$/,
  /^__mcount_loc$/,
  /^__patchable_function_entries$/,
  /^__tracepoints/,
  /^__dyndbg/,
  /^\.kcfi_traps$/,
  /^\.init_array/,
  /^\.init\.eh_frame$/,
  /^\.gnu\.linkonce\.this_module$/,
  /^__param$/,
  /^___ksymtab/,
  /^___kcrctab/,
];

/** Whether the kernel has read this section before the symbols of a module can be filled in. */
export function readWhileLoading(section: string): boolean {
  return names.some((name) => name.test(section));
}

import type { KernelObject } from './kernel-object.js';
import { isDefined, type FileSymbol, type SymbolFile } from './symbol-file.js';

/**
 * The variables of vmlinux to which no static branch of a module can be linked: those that the kernel makes read-only
 * once it has booted. Until Linux 6.10 it writes the list of a key's branches into the key when a module is loaded, and
 * faults; later kernels mark such keys, in jump_label_init_ro() (kernel/jump_label.c, jump_label_add_module()).
 */
export function openReadOnlyKeys(
  vmlinux: Pick<KernelObject, 'global'> & { file: Pick<SymbolFile, 'named'> },
): (symbol: FileSymbol) => boolean {
  const [start, end] = ['__start_ro_after_init', '__end_ro_after_init'].map((name) => vmlinux.global(name));
  const marked = vmlinux.file.named('jump_label_init_ro').some(isDefined);
  if (marked || start === undefined || end === undefined) return () => false;
  return ({ value }) => start.value <= value && value < end.value;
}

import type { ElfFile } from '../elf/model.js';
import type { KernelTree, KlpFunc } from '../types.js';
export function checkModule(
  _ko: ElfFile,
  _expected: { tree: KernelTree; module: string; funcs: readonly KlpFunc[] },
): void {}

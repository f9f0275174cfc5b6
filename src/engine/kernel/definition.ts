import { SHF, STT } from '../elf/constants.js';
import type { KernelObject } from './kernel-object.js';
import type { FileSymbol } from './symbol-file.js';

/** What the kernel has where a symbol is. */
export interface Definition {
  /** Undefined for what assembly or the linker defines without a type. */
  kind: 'function' | 'variable' | undefined;
  /** Bytes; 0 where the symbol table does not tell. */
  size: number;
  /** KASAN may have put a margin behind a variable, which `size` counts. */
  mayHaveMargin: boolean;
  /** The running kernel faults when it is written to. */
  isReadOnly: boolean;
}

export function definitionOf(
  holder: KernelObject,
  symbol: FileSymbol,
  config: ReadonlyMap<string, string>,
): Definition {
  const isVariable = symbol.type === STT.OBJECT || symbol.type === STT.TLS;
  return {
    kind: symbol.type === STT.FUNC ? 'function' : isVariable ? 'variable' : undefined,
    size: Number(symbol.size),
    mayHaveMargin: isVariable && config.get('CONFIG_KASAN_GENERIC') === 'y',
    isReadOnly: isReadOnly(holder, symbol),
  };
}

/** Pages between these symbols of vmlinux become read-only when it has booted (include/asm-generic/sections.h). */
const readOnlyRanges = [
  ['__start_rodata', '__end_rodata'],
  ['__start_ro_after_init', '__end_ro_after_init'],
] as const;

function isReadOnly(holder: KernelObject, { section, value }: FileSymbol): boolean {
  const header = holder.file.header.sections[section];
  if (header === undefined || (header.flags & SHF.ALLOC) === 0) return false;
  // The linker marks vmlinux's .rodata writable where its parts are; a module's data that becomes read-only is so too.
  if ((header.flags & SHF.WRITE) === 0 || header.name === '.data..ro_after_init') return true;
  return (
    holder.objname === 'vmlinux' &&
    readOnlyRanges.some(([from, to]) => {
      const [start, end] = [holder.global(from), holder.global(to)];
      return start !== undefined && end !== undefined && start.value <= value && value < end.value;
    })
  );
}

import { SHF, SHN, STB } from '../elf/constants.js';
import type { TranslationUnit } from '../types.js';
import { openKallsyms, type NameCount } from './kallsyms.js';
import {
  isDefined,
  isGlobal,
  lazily,
  openSymbolFile,
  type FileSymbol,
  type SymbolFile,
} from './symbol-file.js';
import { moduleNameOf } from './symvers.js';

/** vmlinux or a module, and how the livepatch code finds symbols in it. */
export interface KernelObject {
  /** `vmlinux` or the module's name. */
  objname: string;
  file: SymbolFile;
  /** The position under which the kernel finds `symbol`, or why it would not find it. */
  position(symbol: FileSymbol): SymbolPosition;
  /** The symbol of this name that other objects can see. */
  global(name: string): FileSymbol | undefined;
}

export type SymbolPosition =
  { ok: true; sympos: number; of: number } | { ok: false; missing: boolean; why: string };

/**
 * vmlinux: the kernel looks into its kallsyms tables, where equal names are in the order of their addresses.
 * @param label its name in messages
 */
export function openVmlinux(path: string, label = 'vmlinux'): KernelObject {
  const file = openSymbolFile(path, label);
  const count = lazily(() => openKallsyms(file));
  return {
    objname: 'vmlinux',
    file,
    global: (name) => visible(file, name),
    position: (symbol) => vmlinuxPosition(file, count(), symbol),
  };
}

function vmlinuxPosition(file: SymbolFile, count: NameCount, symbol: FileSymbol): SymbolPosition {
  const known = count(symbol.name);
  if (known === 0) return { ok: false, missing: true, why: `${symbol.name} is not in kallsyms` };
  // The kernel takes an address of 0 for "not found" (the first per-CPU variable has it on some architectures).
  if (symbol.value === 0n)
    return { ok: false, missing: true, why: `${symbol.name} has address 0, which the kernel takes for none` };
  const equal = file.named(symbol.name).filter(isDefined).sort(byAddress);
  if (equal.length !== known) {
    const why = `${file.label} has ${equal.length} symbols ${symbol.name}, its kallsyms tables have ${known}`;
    return { ok: false, missing: false, why };
  }
  if (known === 1) return { ok: true, sympos: 0, of: 1 };
  return { ok: true, sympos: equal.findIndex((s) => s.index === symbol.index) + 1, of: known };
}

function byAddress(a: FileSymbol, b: FileSymbol): number {
  return a.value < b.value ? -1 : a.value > b.value ? 1 : a.index - b.index;
}

/**
 * A module: the kernel goes through its symbol table in the table's order.
 * @param label its path as messages and its name show it
 * @param keptWithExit whether the kernel can unload modules (CONFIG_MODULE_UNLOAD), and so keeps their exit code
 */
export function openModule(path: string, label: string, keptWithExit: boolean): KernelObject {
  const file = openSymbolFile(path, label);
  return {
    objname: moduleNameOf(label),
    file,
    global: (name) => visible(file, name),
    position: (symbol) => modulePosition(file, symbol, keptWithExit),
  };
}

/**
 * While the module initialises the kernel sees its whole table, and later only what stays in memory
 * (kernel/module/kallsyms.c). A livepatch meets both, and the position must be the same in both.
 */
function modulePosition(file: SymbolFile, symbol: FileSymbol, keptWithExit: boolean): SymbolPosition {
  const whole = file.named(symbol.name).filter((s) => s.section !== SHN.UNDEF);
  const kept = whole.filter((s) => staysInMemory(file, s, keptWithExit));
  const place = (list: readonly FileSymbol[]): number =>
    list.length === 1 ? 0 : list.findIndex((s) => s.index === symbol.index) + 1;
  if (!kept.some((s) => s.index === symbol.index)) {
    return {
      ok: false,
      missing: true,
      why: `${symbol.name} does not stay in memory after ${file.label} is loaded`,
    };
  }
  if (place(whole) !== place(kept)) {
    const why = `${symbol.name} has another position while ${file.label} initialises than later`;
    return { ok: false, missing: false, why };
  }
  return { ok: true, sympos: place(kept), of: kept.length };
}

function staysInMemory(file: SymbolFile, symbol: FileSymbol, keptWithExit: boolean): boolean {
  const header = isDefined(symbol) ? file.header.sections[symbol.section] : undefined;
  if (header === undefined || (header.flags & SHF.ALLOC) === 0) return false;
  if (header.name.startsWith('.init') || ['.modinfo', '__versions'].includes(header.name)) return false;
  return keptWithExit || !header.name.startsWith('.exit');
}

/** The only defined symbol of a name that other inputs could refer to. */
function visible(file: SymbolFile, name: string): FileSymbol | undefined {
  const all = file.named(name).filter(isDefined);
  const globals = all.filter(isGlobal);
  if (globals.length === 1) return globals[0];
  // The link of vmlinux makes hidden symbols local.
  const [only] = all;
  return all.length === 1 && only?.binding === STB.LOCAL && (only.other & 3) === 2 ? only : undefined;
}

/** What to call a unit's object in messages. */
export function describeUnit(unit: TranslationUnit): string {
  return unit.objname === 'vmlinux' ? unit.object : `${unit.object} (module ${unit.objname})`;
}

import { KlpError } from '../../shared/errors.js';
import type { KlpSymbol } from '../../shared/result.js';
import { SHN, STB } from '../elf/constants.js';
import type { ElfFile, ElfSymbol } from '../elf/model.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { SymbolSource, TranslationUnit } from '../types.js';
import { encodeReference, referenceFor } from './names.js';

/** The part of the kernel's symbol view that is needed here; see `openSymbols`. */
export type KernelResolver = Pick<KernelSymbols, 'resolveGlobal' | 'resolveAddress' | 'exports'>;

export interface RenamedObject {
  /** The klp symbols that the object needs. */
  symbols: KlpSymbol[];
  /** Namespaces of the exported symbols that it needs. */
  namespaces: Set<string>;
}

/**
 * Gives each undefined symbol of a generated object the name under which the link and `convert` know it:
 * klp symbols an intermediate name, exported ones their own. Changes `elf`.
 * @param given what the generator knows of its undefined symbols; the rest is looked up
 * @param defined names that the livepatch's objects define
 * @param patched the object with which the kernel binds symbols of modules; the unit's own unless given
 * @throws symbol-not-in-kernel, symbol-position-unproved, new-module-dependency, and what `patched` throws
 */
export function renameKernelSymbols(
  elf: ElfFile,
  unit: TranslationUnit,
  given: ReadonlyMap<string, SymbolSource>,
  defined: ReadonlySet<string>,
  kernel: KernelResolver,
  patched: () => string = () => unit.objname,
): RenamedObject {
  const symbols: KlpSymbol[] = [];
  const namespaces = new Set<string>();
  for (const symbol of undefinedSymbols(elf)) {
    let source = given.get(symbol.name);
    if (source === undefined) {
      if (defined.has(symbol.name)) continue;
      source = lookUp(kernel, unit, symbol);
      if (source === undefined) continue;
    }
    // By its own name the kernel's export would be taken for the livepatch's function that replaces it.
    if (source.kind === 'export' && defined.has(source.name))
      source = kernel.resolveAddress(unit, source.name);
    if (source.kind === 'export') {
      symbol.name = source.name;
      if (source.namespace !== undefined && source.namespace !== '') namespaces.add(source.namespace);
    } else {
      const { objname, name, sympos, proof } = source;
      checkSpelling(objname, name, unit);
      symbol.name = encodeReference(
        referenceFor(source, objname === 'vmlinux' ? objname : (source.appliedWith ?? patched())),
      );
      symbol.binding = STB.GLOBAL;
      symbols.push({ object: objname, name, sympos, proof });
    }
  }
  return { symbols, namespaces };
}

/** What the kernel has under the symbol's name; a weak reference may find nothing, and is then 0 in the kernel too. */
function lookUp(kernel: KernelResolver, unit: TranslationUnit, symbol: ElfSymbol): SymbolSource | undefined {
  try {
    return kernel.resolveGlobal(unit, symbol.name);
  } catch (error) {
    const optional = symbol.binding === STB.WEAK && error instanceof KlpError;
    if (optional && error.code === 'symbol-not-in-kernel') return undefined;
    throw error;
  }
}

/** Symbols that the link has to find elsewhere. */
export function undefinedSymbols(elf: ElfFile): ElfSymbol[] {
  return elf.symbols.filter((s) => s.place === SHN.UNDEF && s.name !== '');
}

/** Names that the file defines for others. */
export function definedGlobals(elf: ElfFile): string[] {
  return elf.symbols.filter((s) => s.binding !== STB.LOCAL && s.place !== SHN.UNDEF).map((s) => s.name);
}

/** The kernel reads klp symbol names with `.klp.sym.%55[^.].%511[^,],%lu` (kernel/livepatch/core.c). */
function checkSpelling(objname: string, name: string, unit: TranslationUnit): void {
  if (objname.length > 55 || objname.includes('.') || Buffer.byteLength(name) > 511 || name.includes(',')) {
    throw new KlpError('symbol-not-in-kernel', `the livepatch format cannot name ${name} of ${objname}`, {
      object: unit.object,
      advice: 'Such names come from generated code; change the patch so that it does not need this symbol.',
    });
  }
}

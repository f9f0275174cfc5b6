import { KlpError } from '../../shared/errors.js';
import type { KlpSymbol } from '../../shared/result.js';
import { SHN, STB } from '../elf/constants.js';
import type { ElfFile, ElfSymbol } from '../elf/model.js';
import type { SymbolSource, TranslationUnit } from '../types.js';
import { encodeReference, referenceFor } from './names.js';

/** The part of the kernel's symbol view that is needed here; see `openSymbols`. */
export interface GlobalResolver {
  resolveGlobal(unit: TranslationUnit, name: string): SymbolSource;
}

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
 * @param definedElsewhere names that the livepatch's other objects define
 * @throws symbol-not-in-kernel, symbol-position-unproved, new-module-dependency
 */
export function renameKernelSymbols(
  elf: ElfFile,
  unit: TranslationUnit,
  given: ReadonlyMap<string, SymbolSource>,
  definedElsewhere: ReadonlySet<string>,
  kernel: GlobalResolver,
): RenamedObject {
  const symbols: KlpSymbol[] = [];
  const namespaces = new Set<string>();
  for (const symbol of undefinedSymbols(elf)) {
    let source = given.get(symbol.name);
    if (source === undefined) {
      if (definedElsewhere.has(symbol.name)) continue;
      source = kernel.resolveGlobal(unit, symbol.name);
    }
    if (source.kind === 'export') {
      symbol.name = source.name;
      if (source.namespace !== undefined && source.namespace !== '') namespaces.add(source.namespace);
    } else {
      const { objname, name, sympos, proof } = source;
      checkSpelling(objname, name, unit);
      symbol.name = encodeReference(referenceFor(source, unit.objname));
      symbol.binding = STB.GLOBAL;
      symbols.push({ object: objname, name, sympos, proof });
    }
  }
  return { symbols, namespaces };
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

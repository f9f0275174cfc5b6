import { KlpError, type Place } from '../../shared/errors.js';
import type { AnalysedUnit } from '../analyse.js';
import { addressesIn, globalsIn } from '../ir/text.js';
import type { IrModule } from '../ir/module.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { Provided } from '../provide.js';
import type { SymbolSource } from '../types.js';
import { refuseFreed } from './freed.js';
import { lookUp } from './lookup.js';
import type { KernelReference, Selection } from './select.js';

/** What the livepatch's part of a unit uses of the kernel, found. Names are the patched module's. */
export interface References {
  sources: ReadonlyMap<KernelReference, SymbolSource>;
  /** What cannot be the key of a static branch, with the reason. */
  unlinked: ReadonlyMap<string, string>;
  /** Weak references that nothing defines. */
  absent: ReadonlySet<string>;
  /** What another unit of the livepatch defines. */
  provided: ReadonlySet<string>;
}

/**
 * Finds each symbol that selected code uses of the kernel; what the livepatch itself defines stays to the link.
 * @throws KlpError `address-newly-taken`, `init-code-used`, and what the symbol tables and `lookUp` throw
 */
export function findReferences(
  analysed: AnalysedUnit,
  patched: IrModule,
  selection: Selection,
  symbols: KernelSymbols,
  others: Provided,
): References {
  const { unit } = analysed;
  const sources = new Map<KernelReference, SymbolSource>();
  const unlinked = new Map<string, string>();
  const absent = new Set<string>();
  const provided = new Set<string>();
  const handed = addressHolders(selection);
  const refuseSealed = (name: string, source: SymbolSource): void => {
    const holder = handed.get(name);
    if (holder === undefined || source.kind !== 'klp' || !symbols.isSealed(source)) return;
    throw new KlpError(
      'address-newly-taken',
      `${holder} takes the address of ${name}, and the kernel has made sure that ${name} is called by its name alone`,
      { file: unit.source, object: unit.object, function: holder },
    );
  };
  const find = (
    name: string,
    { local, original }: KernelReference,
  ): SymbolSource | 'livepatch' | undefined => {
    if (local) return symbols.resolveLocal(unit, original);
    try {
      return lookUp(unit, original, others, symbols);
    } catch (error) {
      if (!(error instanceof KlpError) || error.code !== 'symbol-not-in-kernel') throw error;
      // A weak reference that nothing defines is 0, in the kernel and in the livepatch.
      if (patched.globals.get(name)?.linkage === 'extern_weak') return undefined;
      throw new KlpError(error.code, error.message, { ...error.detail, ...userOf(name, selection) });
    }
  };

  for (const [name, reference] of selection.kernel) {
    if (name.startsWith('llvm.')) continue;
    const source = find(name, reference);
    if (source === 'livepatch') {
      provided.add(name);
      continue;
    }
    if (!source) {
      absent.add(name);
      continue;
    }
    sources.set(reference, source);
    refuseSealed(name, source);
    if (source.kind === 'klp' && source.freed !== undefined)
      refuseFreed(analysed, selection, name, reference, source.freed);
    const whyNoKey = symbols.whyNoKey(source);
    if (whyNoKey !== undefined) unlinked.set(name, whyNoKey);
  }
  for (const [name, reference] of selection.addressTaken) {
    // Even of an exported function: the livepatch's own symbol of that name would hide it.
    const source = symbols.resolveLocal(unit, reference.original);
    refuseSealed(name, source);
    sources.set(reference, source);
  }
  return { sources, unlinked, absent, provided };
}

/** The function that uses a symbol. */
function userOf(name: string, { entries, own }: Selection): Place {
  const user = [...entries, ...own.values()].find(
    (g) => g.kind === 'function' && globalsIn(g.body).includes(name),
  );
  return user === undefined ? {} : { function: user.name };
}

/** Whose address is taken, and by which function or variable. */
function addressHolders({ entries, own }: Selection): Map<string, string> {
  return new Map(
    [...entries, ...own.values()].flatMap((g) =>
      [...addressesIn(g.kind === 'function' ? g.body : g.initialiser)].map((name) => [name, g.name] as const),
    ),
  );
}

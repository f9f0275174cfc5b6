import { KlpError } from '../../shared/errors.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { Provided } from '../provide.js';
import type { SymbolSource, TranslationUnit } from '../types.js';

/**
 * What a name means to a unit that does not define it, as the linker and the module loader find it: what the patch or
 * the kernel has in the unit's own object (vmlinux or a module), then what objects that are there before it offer.
 * @returns where it is in the kernel, or `livepatch` when the livepatch's own objects define it
 * @throws symbol-name-conflict, new-module-dependency, and what resolveGlobal throws
 */
export function lookUp(
  unit: TranslationUnit,
  name: string,
  { offers, gone }: Provided,
  symbols: Pick<KernelSymbols, 'resolveGlobal' | 'dependencies'>,
): SymbolSource | 'livepatch' {
  const offered = offers.get(name) ?? [];
  if (offered.length === 0) return symbols.resolveGlobal(unit, name);
  const own = offered.find(({ objname }) => objname === unit.objname);
  if (own) return own.source ?? 'livepatch';

  const known = inKernel(unit, name, symbols);
  const isOwn = known?.kind === 'klp' && known.objname === unit.objname;
  const isGone = isOwn && gone.has(`${unit.objname} ${name}`);
  if (known && (unit.objname === 'vmlinux' || (isOwn && !isGone))) return known;

  const reached = ['vmlinux', ...symbols.dependencies(unit)];
  const [offer, ...more] = offered.filter(({ objname }) => reached.includes(objname));
  if (offer && more.length === 0 && (known === undefined || isGone)) return offer.source ?? 'livepatch';
  const place = { file: unit.source, object: unit.object };
  const holders = offered.map(({ objname }) => objname).join(' and ');
  if (offer === undefined && known === undefined) {
    throw new KlpError(
      'new-module-dependency',
      `${unit.source} uses ${name}, which the patch adds to ${holders}, and ${unit.objname} does not depend on that`,
      place,
    );
  }
  throw new KlpError(
    'symbol-name-conflict',
    `${unit.source} uses ${name}, which the patch adds to ${holders}, and ${known?.kind === 'klp' ? known.objname : 'the kernel'} has one of that name too`,
    place,
  );
}

function inKernel(
  unit: TranslationUnit,
  name: string,
  symbols: Pick<KernelSymbols, 'resolveGlobal'>,
): SymbolSource | undefined {
  try {
    return symbols.resolveGlobal(unit, name);
  } catch (error) {
    if (error instanceof KlpError && error.code === 'symbol-not-in-kernel') return undefined;
    throw error;
  }
}

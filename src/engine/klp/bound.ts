import { KlpError } from '../../shared/errors.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { GeneratedObject, KlpFunc, TranslationUnit } from '../types.js';

/** The objects that a livepatch patches, each with itself and the modules that are there whenever it is. */
export function patchedObjects(input: {
  objects: readonly Pick<GeneratedObject, 'unit'>[];
  funcs: readonly Pick<KlpFunc, 'objname'>[];
  kernel: Pick<KernelSymbols, 'dependencies'>;
}): Map<string, Set<string>> {
  const { objects, funcs, kernel } = input;
  const patched = objects.map(({ unit }) => unit).filter((u) => funcs.some((f) => f.objname === u.objname));
  return new Map(
    patched.map((unit) => [unit.objname, new Set([unit.objname, ...kernel.dependencies(unit)])]),
  );
}

/**
 * The patched object with which the kernel binds what a unit's code refers to in modules: the unit's own. Where nothing of
 * that is replaced, what the patch adds to it is called by a module that depends on it, and bound with that.
 * @param patched see `patchedObjects`
 * @throws KlpError `late-relocation-impossible` when there is not one such module
 */
export function boundWith(
  { objname, object }: Pick<TranslationUnit, 'objname' | 'object'>,
  patched: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  if (patched.has(objname)) return objname;
  const users = [...patched].filter(([, loaded]) => loaded.has(objname)).map(([name]) => name);
  const [user, ...others] = users.sort();
  if (user !== undefined && others.length === 0) return user;
  throw new KlpError(
    'late-relocation-impossible',
    `new code in ${object} uses symbols of ${objname}, of which no function is replaced, and ` +
      (user === undefined
        ? 'no patched module depends on it'
        : `${users.join(' and ')} depend on it, which are loaded one without the other`),
    { object, advice: 'Put the new code into a file of the module that calls it.' },
  );
}

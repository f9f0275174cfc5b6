import { isBookkeeping } from '../ir/instrumentation.js';
import type { IrModule } from '../ir/module.js';
import { addressesIn } from '../ir/text.js';

const known = new WeakMap<IrModule, Map<string, string[]>>();

/** The functions whose address a module takes, each with the functions and variables that do. */
export function holders(module: IrModule): ReadonlyMap<string, readonly string[]> {
  const found = known.get(module) ?? find(module);
  known.set(module, found);
  return found;
}

function find(module: IrModule): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const g of module.globals.values()) {
    if (g.kind === 'alias' || g.declared || isBookkeeping(g)) continue;
    if (g.section?.startsWith('.discard') === true) continue;
    for (const name of addressesIn(g.kind === 'function' ? g.body : g.initialiser)) {
      if (module.globals.get(name)?.kind !== 'function') continue;
      found.set(name, [...(found.get(name) ?? []), g.name]);
    }
  }
  return found;
}

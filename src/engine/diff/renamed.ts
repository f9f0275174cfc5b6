import type { IrModule } from '../ir/module.js';
import { globalsIn } from '../ir/text.js';
import type { Correspondence } from './match.js';

/**
 * New variables with state, each with one of the same type and content that is gone. One may be the other under a new
 * name, or moved to another function.
 * @param added names in the patched module
 * @param removed names in the original module
 */
export function lookAlikes(
  c: Correspondence,
  added: ReadonlySet<string>,
  removed: ReadonlySet<string>,
): Map<string, string> {
  const described = (side: 'original' | 'patched', name: string): string | undefined => {
    const v = c[side].module.globals.get(name);
    if (v?.kind !== 'variable' || v.constant) return undefined;
    const { text, refs } = c[side].canonical.initialiser(v);
    return [c[side].canonical.shape(v), text, ...refs.filter((ref) => ref !== name)].join('\0');
  };
  const gone = new Map([...removed].map((name) => [described('original', name), name]));
  const found = new Map<string, string>();
  for (const name of added) {
    const content = described('patched', name);
    const old = content === undefined ? undefined : gone.get(content);
    if (old !== undefined) found.set(name, old);
  }
  return found;
}

/** What one function did once, or which instance of a check it was: macros make it, and a fresh one is harmless or told of elsewhere. */
const madeByMacros = /\.(?:___\w+|__already_done|__warned|__print_once|_rs|__key|descriptor)(?:\.\d+)*$/;

/** Is it a variable whose value is the kernel's by now? */
export function hasState(module: IrModule, name: string): boolean {
  const v = module.globals.get(name);
  return v?.kind === 'variable' && !v.constant && !madeByMacros.test(name);
}

/**
 * New variables with state, each with one that is gone and that a function used which now uses the new one: a counter that
 * becomes atomic, a lock of another kind.
 * @param pairs patched to original names of changed functions
 */
export function replacedState(
  c: Correspondence,
  added: ReadonlySet<string>,
  removed: ReadonlySet<string>,
  pairs: ReadonlyMap<string, string>,
): Map<string, string> {
  const users = (side: 'original' | 'patched', name: string): string[] => {
    const f = c[side].module.globals.get(name);
    return f?.kind === 'function' ? globalsIn(f.body) : [];
  };
  const found = new Map<string, string>();
  if (added.size === 0 || removed.size === 0) return found;
  for (const [after, before] of pairs) {
    const old = users('original', before).find(
      (name) => removed.has(name) && hasState(c.original.module, name),
    );
    if (old === undefined) continue;
    for (const name of users('patched', after)) {
      if (added.has(name) && hasState(c.patched.module, name)) found.set(name, old);
    }
  }
  return found;
}

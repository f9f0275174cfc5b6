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

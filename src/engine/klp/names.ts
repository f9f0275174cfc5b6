import type { SymbolSource } from '../types.js';

/** A klp symbol and the object whose loading applies the relocations against it. */
export interface KlpReference {
  /** `vmlinux`: while the livepatch loads; a module's name: when that module is there. */
  appliedWith: string;
  objname: string;
  name: string;
  sympos: number;
}

/**
 * While the module is linked, a klp symbol is an ordinary undefined symbol under a name that carries all that
 * is known of it. No C identifier or compiler-made name begins so.
 */
const intermediatePrefix = '.klp.ref.';

/** The name of an undefined symbol that stands for `reference` until `convert` runs. */
export function encodeReference({ appliedWith, objname, name, sympos }: KlpReference): string {
  return `${intermediatePrefix}${appliedWith}.${objname}.${name},${sympos}`;
}

/** What an intermediate name stands for; undefined for every other name. Module names have no dot. */
export function decodeReference(name: string): KlpReference | undefined {
  const match = /^\.klp\.ref\.([^.]+)\.([^.]+)\.([^,]+),(\d+)$/.exec(name);
  if (match === null) return undefined;
  const [, appliedWith = '', objname = '', symbol = '', sympos = ''] = match;
  return { appliedWith, objname, name: symbol, sympos: Number(sympos) };
}

/** The name under which the kernel looks a klp symbol up (Documentation/livepatch/module-elf-format). */
export function klpSymbolName({
  objname,
  name,
  sympos,
}: Pick<KlpReference, 'objname' | 'name' | 'sympos'>): string {
  return `.klp.sym.${objname}.${name},${sympos}`;
}

/** The relocation section that the kernel applies to `section` together with `appliedWith`. */
export function klpRelaName(appliedWith: string, section: string): string {
  return `.klp.rela.${appliedWith}.${section}`;
}

/**
 * The reference for a klp symbol used by code that patches `patched`. Symbols of vmlinux are there from the
 * start, and the kernel accepts them in no other section than vmlinux's.
 */
export function referenceFor(source: Extract<SymbolSource, { kind: 'klp' }>, patched: string): KlpReference {
  const { objname, name, sympos } = source;
  return { appliedWith: objname === 'vmlinux' ? 'vmlinux' : patched, objname, name, sympos };
}

import { KlpError } from '../shared/errors.js';
import type { AnalysedUnit } from './analyse.js';
import type { KernelSymbols, KlpSource } from './kernel/symbols.js';

type Compared = Pick<AnalysedUnit, 'unit' | 'original' | 'patched' | 'diff'>;

/** Globals that the unit did not have before the patch. */
function added({ patched, diff }: Compared): string[] {
  return [...diff.added, ...diff.addedData].filter((name) => patched.globals.get(name)?.local === false);
}

/** What other objects can use of a unit only since the patch: new globals, and functions that are `static` no more. */
export function providedBy(unit: Compared): string[] {
  const { original, patched, diff } = unit;
  const opened = [...diff.changed].filter(
    (name) => original.globals.get(name)?.local === true && patched.globals.get(name)?.local === false,
  );
  return [...added(unit), ...opened];
}

/** A name that other files can use only since the patch. */
export interface Offer {
  /** The object that it belongs to: `vmlinux` or a module. */
  objname: string;
  /** Where the running kernel has it, of a variable that was `static`. Anything else the livepatch itself defines. */
  source?: KlpSource;
}

/** What the patch changes for the units of a livepatch in what a name means; see `lookUp`. */
export interface Provided {
  offers: ReadonlyMap<string, readonly Offer[]>;
  /** Globals that the patched source has no more, each after its object and a space. */
  gone: ReadonlySet<string>;
}

/** See `Provided`. @throws what resolveLocal throws */
export function provideAll(all: readonly Compared[], symbols: Pick<KernelSymbols, 'resolveLocal'>): Provided {
  const offers = new Map<string, Offer[]>();
  const offer = (name: string, one: Offer): void => void offers.set(name, [...(offers.get(name) ?? []), one]);
  const gone = new Set<string>();
  for (const changed of all) {
    const { unit, diff, original } = changed;
    const { objname } = unit;
    for (const name of providedBy(changed)) offer(name, { objname });
    for (const name of diff.opened) offer(name, { objname, source: symbols.resolveLocal(unit, name) });
    for (const name of [...diff.removed, ...diff.removedData]) {
      if (original.globals.get(name)?.local === false) gone.add(`${objname} ${name}`);
    }
  }
  return { offers, gone };
}

/**
 * A new global of a name that the kernel has already is one that was moved from another file, or one that is to override
 * a weak one. The rest of the kernel would go on with what it was linked with.
 * @throws KlpError `defined-elsewhere`
 */
export function checkDefinitions(changed: Compared, symbols: Pick<KernelSymbols, 'resolveGlobal'>): void {
  const { unit } = changed;
  for (const name of added(changed)) {
    try {
      symbols.resolveGlobal(unit, name);
    } catch (error) {
      if (error instanceof KlpError && error.code === 'symbol-not-in-kernel') continue;
      if (!(error instanceof KlpError)) throw error;
    }
    throw new KlpError(
      'defined-elsewhere',
      `the patch defines ${name} in ${unit.source}, and the running kernel has it in another object`,
      { file: unit.source, object: unit.object, function: name },
    );
  }
}

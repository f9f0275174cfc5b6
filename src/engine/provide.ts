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

/** What the units of a livepatch can use of each other. */
export interface Provided {
  /** Globals that the livepatch's own objects define. */
  provided: ReadonlySet<string>;
  /** Variables that are `static` in the running kernel and no more in the patched source, and where they are. */
  opened: ReadonlyMap<string, KlpSource>;
}

/** See `Provided`. @throws what resolveLocal throws */
export function provideAll(all: readonly Compared[], symbols: Pick<KernelSymbols, 'resolveLocal'>): Provided {
  const opened = new Map<string, KlpSource>();
  for (const { unit, diff } of all) {
    for (const name of diff.opened) opened.set(name, symbols.resolveLocal(unit, name));
  }
  return { provided: new Set(all.flatMap((unit) => providedBy(unit))), opened };
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

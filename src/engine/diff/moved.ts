import { KlpError } from '../../shared/errors.js';
import { sourceName } from '../ir/canonical.js';
import type { IrModule } from '../ir/module.js';
import { globalsIn } from '../ir/text.js';
import { placeFor } from '../patch/touched.js';
import type { PatchedFile, TranslationUnit } from '../types.js';
import type { ComparedUnit } from './interface.js';
import { hasState } from './renamed.js';

/** A variable with state that comes or goes with the patch. */
interface Variable {
  unit: TranslationUnit;
  name: string;
  type: string;
  local: boolean;
}

/**
 * State that the patch moves between files, as judge() finds it within one: a variable that goes in one file and comes with
 * its name and type in another, or in whose place a changed function uses a new one of another file.
 * @param all every unit that differs
 * @returns `data-renamed` for each
 */
export function judgeMoves(all: readonly ComparedUnit[], files: readonly PatchedFile[]): KlpError[] {
  const gone = all.flatMap(({ unit, original, diff }) => variables(unit, original, diff.removedData));
  const come = all.flatMap(({ unit, patched, diff }) => variables(unit, patched, diff.addedData));
  const found = new Map<Variable, Variable>();
  for (const now of come) {
    const old = gone.find(
      ({ unit, name, type }) =>
        unit !== now.unit && type === now.type && sourceName(name) === sourceName(now.name),
    );
    if (old) found.set(now, old);
  }
  for (const { unit, original, patched, diff } of all) {
    for (const name of diff.changed) {
      const old = usedIn(unit, original, diff.originalOf.get(name) ?? name, gone);
      const now = usedIn(unit, patched, name, come);
      if (old && now && [old, now].some((v) => v.unit !== unit)) found.set(now, old);
    }
  }
  return [...found].map(
    ([now, old]) =>
      new KlpError(
        'data-renamed',
        `${sourceName(now.name)} of ${now.unit.source} is new and ${sourceName(old.name)} of ${old.unit.source} is gone: the value of ${sourceName(old.name)} in the running kernel would be lost`,
        placeFor(now.unit, files, sourceName(now.name)),
      ),
  );
}

function variables(unit: TranslationUnit, module: IrModule, names: ReadonlySet<string>): Variable[] {
  return [...names].flatMap((name) => {
    const v = module.globals.get(name);
    if (v?.kind !== 'variable' || !hasState(module, name)) return [];
    return /^(?:$|\.data|\.bss)/.test(v.section ?? '') ? [{ unit, name, type: v.type, local: v.local }] : [];
  });
}

/** The first of the variables that a function uses; a name means what the function's own file has under it. */
function usedIn(
  unit: TranslationUnit,
  module: IrModule,
  name: string,
  all: readonly Variable[],
): Variable | undefined {
  const f = module.globals.get(name);
  if (f?.kind !== 'function' || all.length === 0) return undefined;
  const used = new Set(globalsIn(f.body));
  return all.find(
    (v) => used.has(v.name) && (v.unit === unit || (!v.local && module.globals.get(v.name)?.local === false)),
  );
}

import { KlpError } from '../../shared/errors.js';
import type { AnalysedUnit } from '../analyse.js';
import { globalsIn } from '../ir/text.js';
import type { KernelReference, Selection } from './select.js';

/**
 * Refuses code that uses what the kernel has freed by now. Only code that did so before may go on: it knows when not to
 * (`__ref`).
 * @param name the patched module's name of what is used
 * @param section where the kernel had it
 * @throws KlpError `init-code-used`
 */
export function refuseFreed(
  { unit, diff, original }: Pick<AnalysedUnit, 'unit' | 'diff' | 'original'>,
  selection: Selection,
  name: string,
  reference: KernelReference,
  section: string,
): void {
  for (const g of [...selection.entries, ...selection.own.values()]) {
    if (!globalsIn(g.kind === 'function' ? g.body : g.initialiser).includes(name)) continue;
    const before = original.globals.get(diff.originalOf.get(g.name) ?? g.name);
    if (before?.kind === 'function' && globalsIn(before.body).includes(reference.original)) continue;
    throw new KlpError(
      'init-code-used',
      `${g.name} uses ${reference.original} in ${section}, which the running kernel has freed`,
      { file: unit.source, object: unit.object, function: g.name },
    );
  }
}

import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { transient } from '../distill/select.js';
import type { IrGlobal } from '../ir/module.js';
import { holders } from './holders.js';
import { placeOf, type ComparedUnit } from './interface.js';
import type { PatchedFile } from '../types.js';

/**
 * What pointers to functions of the running kernel would do wrong.
 * - A static function that is only called has a convention of the compiler's choice, and no mark that lets it be called
 *   by a pointer (ENDBR, BTI, a type for kCFI): its address cannot be handed out for the first time.
 * - Who was given the address of a function that the patch takes away goes on to call it.
 */
export function judgePointers(
  compared: ComparedUnit,
  files: readonly PatchedFile[],
): { refusals: KlpError[]; notes: Finding[] } {
  const { unit, original, patched, diff } = compared;
  const before = holders(original);
  const refusals: KlpError[] = [];
  for (const [name, all] of holders(patched)) {
    // What the patch changes in code of the boot is not run again.
    const holder = all.find((one) => !isTransient(patched.globals.get(one)));
    if (holder === undefined) continue;
    const old = original.globals.get(diff.originalOf.get(name) ?? name);
    if (old?.kind !== 'function' || !old.local || old.declared || diff.added.has(name)) continue;
    if (before.has(old.name)) continue;
    refusals.push(
      new KlpError(
        'address-newly-taken',
        `${holder} takes the address of ${name}, which the kernel has as a function that is only called`,
        placeOf(unit, files, holder),
      ),
    );
  }
  const notes: Finding[] = [];
  for (const name of diff.removed) {
    const gone = original.globals.get(name);
    const [holder] = before.get(name) ?? [];
    if (gone?.kind !== 'function' || !gone.local || holder === undefined || isTransient(gone)) continue;
    notes.push({
      code: 'function-still-pointed-to',
      severity: 'warning',
      message: `${name} is gone with the patch, and ${holder} gave its address away: who was given it before the livepatch is loaded goes on to call the old code`,
      ...placeOf(unit, files, name),
    });
  }
  return { refusals, notes };
}

function isTransient(g: IrGlobal | undefined): boolean {
  return g !== undefined && g.kind !== 'alias' && transient.test(g.section ?? '');
}

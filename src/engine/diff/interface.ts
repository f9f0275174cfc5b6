import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import type { IrFunction, IrModule } from '../ir/module.js';
import { closingBracket } from '../ir/text.js';
import { placeFor } from '../patch/touched.js';
import type { PatchedFile, TranslationUnit } from '../types.js';
import type { ModuleDiff } from './diff.js';
import { holders } from './holders.js';

/** A unit with its difference, as far as others see it. */
export interface ComparedUnit {
  unit: TranslationUnit;
  original: IrModule;
  patched: IrModule;
  diff: ModuleDiff;
}

/** Is the function of this unit exported, so that modules may call it that nobody here knows of? */
export type IsExported = (unit: TranslationUnit, name: string) => boolean;

/**
 * What code outside the patch would notice of functions that change their parameters or result, or that go.
 * When a changed header declares one, every unit that reads that header was compared, so its callers come along; callers
 * in unknown modules and by pointers do not.
 * @param all every unit that differs
 */
export function judgeInterfaces(
  all: readonly ComparedUnit[],
  files: readonly PatchedFile[],
  isExported: IsExported,
): { refusals: KlpError[]; notes: Finding[] } {
  const refusals: KlpError[] = [];
  const notes: Finding[] = [];
  for (const compared of all) {
    const { unit, original } = compared;
    for (const [before, after] of interfaceChanges(compared)) {
      const exported = !before.local && isExported(unit, before.name);
      const why = exported
        ? 'modules that are not part of this kernel may call it'
        : whoCallsIt(before, compared, all, isDeclaredIn(files, before.name));
      if (why === undefined) continue;
      const code = exported ? 'export-changed' : 'signature-changed';
      const message = `the parameters or the result of ${after.name} change, and ${why}`;
      refusals.push(new KlpError(code, message, placeOf(unit, files, after.name)));
    }
    for (const name of compared.diff.removed) {
      if (original.globals.get(name)?.local !== false) continue;
      const at = placeOf(unit, files, name);
      if (isDeclaredIn(files, name)) {
        notes.push({
          code: 'function-left-behind',
          severity: 'note',
          message: `${name} is gone with the patch and stays in the running kernel; the code that the patch changes no longer calls it`,
          ...at,
        });
        continue;
      }
      refusals.push(
        new KlpError(
          'function-removed',
          `the patch takes ${name} away, and code in other files may call it, or another definition may have to take its place`,
          at,
        ),
      );
    }
  }
  return { refusals, notes };
}

/** Does a header of the patch speak of the function? Then all who read it were compared. */
function isDeclaredIn(files: readonly PatchedFile[], name: string): boolean {
  const word = new RegExp(`\\b${name.replace(/\W/g, '\\$&')}\\b`);
  return files.some((f) => !f.path.endsWith('.c') && (word.test(f.original) || word.test(f.patched)));
}

/** Where a function of a unit is, for a finding. */
export function placeOf(
  unit: TranslationUnit,
  files: readonly PatchedFile[],
  name: string,
): { file: string; line?: number; object: string; function: string } {
  return { ...placeFor(unit, files, name), function: name };
}

/** Who would go on to call a function of this unit the old way, if anyone. */
function whoCallsIt(
  f: IrFunction,
  own: ComparedUnit,
  all: readonly ComparedUnit[],
  declared: boolean,
): string | undefined {
  if (!f.local && !declared) return 'callers in other files are not part of the patch';
  for (const { original, unit } of f.local ? [own] : all) {
    const holder = holders(original)
      .get(f.name)
      ?.find((name) => name !== f.name);
    if (holder !== undefined)
      return `${holder}${unit === own.unit ? '' : ` of ${unit.source}`} holds a pointer to it`;
  }
  return undefined;
}

/** Attributes that say something of a value but not where it is passed. */
const valueAttributes =
  / ?\b(?:noundef|nonnull|returned|noalias|nest|immarg|(?:align|alignstack) \d+|(?:dereferenceable|dereferenceable_or_null|nofpclass)\([^)]*\)|range\([^)]*\)|captures\([^)]*\)|nocapture|readonly|readnone|writeonly|nofree|dead_on_return|initializes\(\([^)]*\)\))(?![\w(])/g;

/** Result and parameters of a function as its callers must pass them. */
function signature(f: IrFunction): string {
  const at = f.head.indexOf('@');
  const open = f.head.indexOf('(', at);
  const result = f.head
    .slice(0, at)
    .replace(/^define (?:internal |private |weak |weak_odr |linkonce\w* |external )?(?:dso_local )?/, '');
  const parameters = f.head.slice(open, closingBracket(f.head, open)).replace(/ %[-\w$.]+(?=[,)])/g, '');
  return `${result}${parameters}`
    .replace(/,? !dbg !\d+/g, '')
    .replace(valueAttributes, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Changed functions whose callers would have to pass other things than before. */
function interfaceChanges({ original, patched, diff }: ComparedUnit): [IrFunction, IrFunction][] {
  return [...diff.changed].flatMap((name): [IrFunction, IrFunction][] => {
    const after = patched.globals.get(name);
    const before = original.globals.get(diff.originalOf.get(name) ?? name);
    if (after?.kind !== 'function' || before?.kind !== 'function') return [];
    return signature(before) === signature(after) ? [] : [[before, after]];
  });
}

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

/** Does another file of a kernel with kCFI take the address of the function of this unit? */
export type IsHeldElsewhere = IsExported;

/**
 * What code outside the patch would notice of functions that change their parameters or result, or that go.
 * When a changed header declares one, every unit that reads that header was compared, so its callers come along; callers
 * in unknown modules and by pointers do not. Pointers go on leading to the old function, at whose start a kernel with kCFI
 * has the old type, and calls by the new one trap.
 * @param all every unit that differs
 */
export function judgeInterfaces(
  all: readonly ComparedUnit[],
  files: readonly PatchedFile[],
  isExported: IsExported,
  isHeldElsewhere: IsHeldElsewhere,
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
    for (const [before, after] of pairsOf(compared)) {
      const [old, now] = [callCheck(original, before), callCheck(compared.patched, after)];
      if (old === undefined || now === undefined || old === now) continue;
      const holder = holderOf(before, compared, all) ?? holderIn(compared.patched, after.name);
      if (holder === undefined && (before.local || !isHeldElsewhere(unit, before.name))) continue;
      refusals.push(
        new KlpError(
          'signature-changed',
          `the type of ${after.name} changes, which this kernel checks when it is called by a pointer (kCFI), and ${holder ?? 'another file'} holds a pointer to it`,
          placeOf(unit, files, after.name),
        ),
      );
    }
    for (const name of compared.diff.removed) {
      if (original.globals.get(name)?.local !== false) continue;
      const at = placeOf(unit, files, name);
      if (leavesWithHeader(files, name)) {
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

/**
 * Does a header of the patch speak of the function and not merely declare it still? What is declared and not defined is
 * defined elsewhere, by a weak one for instance.
 */
function leavesWithHeader(files: readonly PatchedFile[], name: string): boolean {
  const defines = new RegExp(String.raw`\b${name}\s*\([^;{}]*\)\s*\{|#\s*define\s+${name}\b`);
  const headers = files.filter((file) => isDeclaredIn([file], name));
  return (
    headers.length > 0 &&
    headers.every((file) => !isDeclaredIn([{ ...file, original: '' }], name) || defines.test(file.patched))
  );
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
  const holder = holderOf(f, own, all);
  return holder && `${holder} holds a pointer to it`;
}

/** What of the kernel has the address of a function, as far as units that differ tell. */
function holderOf(f: IrFunction, own: ComparedUnit, all: readonly ComparedUnit[]): string | undefined {
  for (const { original, unit } of f.local ? [own] : all) {
    const holder = holderIn(original, f.name);
    if (holder !== undefined) return `${holder}${unit === own.unit ? '' : ` of ${unit.source}`}`;
  }
  return undefined;
}

function holderIn(module: IrModule, name: string): string | undefined {
  return holders(module)
    .get(name)
    ?.find((holder) => holder !== name);
}

/** The type of a function as kCFI has it (LLVM Language Reference, "kcfi_type Metadata"). */
function callCheck({ metadata }: IrModule, { head }: IrFunction): string | undefined {
  return metadata.get(/ !kcfi_type (!\d+)/.exec(head)?.[1] ?? '');
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
function interfaceChanges(compared: ComparedUnit): [IrFunction, IrFunction][] {
  return pairsOf(compared).filter(([before, after]) => signature(before) !== signature(after));
}

/** Changed functions, each as it was and as it is. */
function pairsOf({ original, patched, diff }: ComparedUnit): [IrFunction, IrFunction][] {
  return [...diff.changed].flatMap((name): [IrFunction, IrFunction][] => {
    const after = patched.globals.get(name);
    const before = original.globals.get(diff.originalOf.get(name) ?? name);
    return after?.kind === 'function' && before?.kind === 'function' ? [[before, after]] : [];
  });
}

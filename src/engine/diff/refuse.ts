import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { copyIfAmbiguous, transient } from '../distill/select.js';
import { sourceName } from '../ir/canonical.js';
import type { IrModule, IrVariable } from '../ir/module.js';
import { placeFor } from '../patch/touched.js';
import type { PatchedFile, TranslationUnit } from '../types.js';
import { callersOf } from './boot.js';
import type { ComparedUnit } from './interface.js';
import { hasState } from './renamed.js';

/**
 * Sections of plain data, and of records about the code that uses them. The entries of all others are collected by
 * someone at boot or when a module is loaded, who would not see a new one.
 */
const plain =
  /^(?:\.data|\.bss|\.rodata|__dyndbg|\.printk_index|__tracepoint_str|__trace_printk_fmt|_ftrace_(?:annotated_)?branch|asan_globals|\.llvm|llvm\.)/;

/** Data that only describes the module to tools and to the compiler. */
const descriptive = /^(?:\.modinfo|\.discard|\.comment|\.note|__modver)/;

interface Place {
  file: string;
  line?: number;
  object: string;
}

export interface Verdict {
  /** What stands in the way; empty when the change can become a livepatch. */
  refusals: KlpError[];
  notes: Finding[];
}

/**
 * What of a translation unit's difference cannot be carried by a livepatch. Nothing is dropped in silence: each part of
 * the difference is either code that will be replaced, or named here.
 * @param files all files of the patch
 */
export function judge(
  { unit, original, patched, diff }: ComparedUnit,
  files: readonly PatchedFile[],
): Verdict {
  const refusals: KlpError[] = [];
  const notes: Finding[] = [];
  const at = (name: string): Place => placeFor(unit, files, sourceName(name));
  const variable = (module: IrModule, name: string): IrVariable | undefined => {
    const g = module.globals.get(name);
    return g?.kind === 'variable' ? g : undefined;
  };
  const describes = (v: IrVariable | undefined): boolean =>
    v?.section !== undefined && descriptive.test(v.section);

  for (const name of diff.changed) {
    const f = patched.globals.get(name);
    const section = (f?.kind === 'function' ? f.section : undefined) ?? '';
    const place = { ...at(name), function: name };
    if (transient.test(section)) {
      refusals.push(transientChanged(name, section, unit, place));
      continue;
    }
    const { past, future } = callersOf(unit, patched, name);
    if (past === undefined) continue;
    if (future === undefined) {
      const when = unit.module === undefined ? '' : ' where the module is loaded';
      refusals.push(
        new KlpError(
          'init-function-changed',
          `${name} is ${past}, and nothing else calls it: its new code would not run${when}`,
          place,
        ),
      );
    } else if (!past.startsWith('called')) {
      notes.push({
        code: 'init-function-changed',
        severity: 'warning',
        message: `${name} is ${past}, which has run: its new code is for ${future} alone`,
        ...place,
      });
    }
  }
  for (const name of diff.changedOnce) {
    refusals.push(
      new KlpError(
        'init-function-changed',
        `${name} does something else in a DO_ONCE() than before, and in the running kernel that may be done already`,
        { ...at(name), function: name },
      ),
    );
  }
  for (const name of diff.changedData) {
    const v = variable(patched, name);
    if (describes(v)) {
      if (v?.section?.startsWith('.modinfo')) notes.push(described(name, at(name)));
    } else {
      refusals.push(dataChanged(name, variable(original, diff.originalOf.get(name) ?? name), v, at(name)));
    }
  }
  for (const [names, module, verb] of [
    [diff.addedData, patched, 'adds'],
    [diff.removedData, original, 'removes'],
  ] as const) {
    for (const name of names) {
      const v = variable(module, name);
      if (module === patched && v?.section?.startsWith('.data..ro_after_init')) {
        notes.push({
          code: 'data-stays-writable',
          severity: 'note',
          message: `${sourceName(name)} is __ro_after_init and stays writable in the livepatch, whose code may set it at any time`,
          ...at(name),
        });
      }
      if (module === patched && unit.module !== undefined && hasState(patched, name) && isMemory(v)) {
        notes.push({
          code: 'state-outlives-module',
          severity: 'warning',
          message: `${sourceName(name)} is new, and keeps its value in the livepatch when ${unit.objname} is unloaded and loaded again`,
          ...at(name),
        });
      }
      if (v?.section === undefined || plain.test(v.section) || describes(v)) {
        if (describes(v) && v?.section?.startsWith('.modinfo')) notes.push(described(name, at(name)));
        continue;
      }
      if (/^__UNIQUE_ID___addressable|^__setup_str/.test(name)) continue;
      refusals.push(
        new KlpError(
          'registered-data-changed',
          `the patch ${verb} ${sourceName(name)} in ${v.section}, a list that is read only when the kernel boots or a module is loaded`,
          at(name),
        ),
      );
    }
  }
  for (const [name, old] of diff.lookAlikes) {
    if (copyIfAmbiguous.test(name) || !isMemory(variable(patched, name))) continue;
    refusals.push(
      new KlpError(
        'data-renamed',
        `${sourceName(name)} is new and ${sourceName(old)} is gone, with the same type and content: if it is one variable, its value in the running kernel would be lost`,
        at(name),
      ),
    );
  }
  for (const [name, old] of diff.replaced) {
    if (diff.lookAlikes.has(name) || !isMemory(variable(patched, name))) continue;
    refusals.push(
      new KlpError(
        'data-renamed',
        `${sourceName(name)} is used where ${sourceName(old)} was, which is gone with the patch: the value of ${sourceName(old)} in the running kernel would be lost`,
        at(name),
      ),
    );
  }
  const asm = [...diff.asm.removed.map((line) => `- ${line}`), ...diff.asm.added.map((line) => `+ ${line}`)];
  if (asm.length > 0) {
    const place = at('');
    const where = place.file === unit.source ? unit.source : `${unit.source}, which reads ${place.file}`;
    const exported = asm.some((line) => /ksymtab|export_symbol/.test(line));
    refusals.push(
      new KlpError(
        exported ? 'export-changed' : 'file-asm-changed',
        exported
          ? `the patch adds, removes or changes an EXPORT_SYMBOL in ${where}`
          : `assembly at file level differs in ${where} (an initcall, a static call or an asm statement)`,
        { ...place, output: asm.slice(0, 12).join('\n') },
      ),
    );
  }
  for (const name of diff.aliases) {
    refusals.push(
      new KlpError('alias-changed', `the alias ${name} is added, removed or points elsewhere`, at(name)),
    );
  }
  return { refusals, notes };
}

/** A changed function of a section that ftrace has no part in, or that is not there any more. */
function transientChanged(name: string, section: string, unit: TranslationUnit, place: Place): KlpError {
  const isExit = /^\.(?:mem)?exit\b/.test(section);
  const isBuiltIn = unit.module === undefined;
  if (!isExit) {
    const where = isBuiltIn ? '' : ' where the module is loaded';
    return new KlpError(
      'init-function-changed',
      `${name} is in ${section}: it has run${where}, and its memory is free`,
      place,
    );
  }
  return isBuiltIn
    ? new KlpError('init-function-changed', `${name} is in ${section}: it is built in, and never runs`, {
        ...place,
        advice: 'Leave this part out of the patch; nothing is lost without it.',
      })
    : new KlpError(
        'init-function-changed',
        `${name} is in ${section}: ftrace cannot redirect it, and its old code runs when the module is unloaded`,
        {
          ...place,
          advice:
            'Change a function that it calls and that is not marked __exit, or leave this part out of the patch and unload the module only to load a fixed one.',
        },
      );
}

/** Nobody can write to a constant of the running kernel, callbacks neither: that would be a fault in the kernel. */
const adviceForConstants =
  'Change the functions that read the variable, so that they do without it or read a new one. A callback cannot set it: it is in read-only memory.';

function dataChanged(
  name: string,
  before: IrVariable | undefined,
  after: IrVariable | undefined,
  place: Place,
): KlpError {
  const isRegistered = after?.section !== undefined && !plain.test(after.section);
  const isReadOnly = before?.constant === true && !isRegistered;
  const where = isReadOnly ? 'is in read-only memory' : 'holds a value in the running kernel';
  return new KlpError(
    isRegistered ? 'registered-data-changed' : 'data-changed',
    `the ${differenceOf(before, after)} of ${sourceName(name)} changes, but the variable exists and ${where}`,
    { ...place, ...(isReadOnly ? { advice: adviceForConstants } : {}) },
  );
}

/** What of a variable changes, in a word. */
function differenceOf(before: IrVariable | undefined, after: IrVariable | undefined): string {
  // An initial value of another form (other members of a union, a shorter text) has a type of its own.
  if (before?.type !== after?.type)
    return [before, after].some((v) => v?.type.includes('{')) ? 'type or initial value' : 'type';
  const isSame =
    before?.before === after?.before &&
    before?.after.replace(/ !dbg !\d+/, '') === after?.after.replace(/ !dbg !\d+/, '');
  return isSame ? 'initial value' : 'linkage, section or alignment';
}

/** Is it a variable of the code's own, and no record for somebody else? */
function isMemory(v: IrVariable | undefined): boolean {
  return /^(?:$|\.data|\.bss)/.test(v?.section ?? '');
}

function described(name: string, place: { file: string; line?: number }): Finding {
  return {
    code: 'modinfo-not-carried',
    severity: 'warning',
    message: `${sourceName(name)} describes the module to tools and stays as it is in the running kernel`,
    ...place,
  };
}

import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { transient } from '../distill/select.js';
import { baseName } from '../ir/canonical.js';
import type { IrModule, IrVariable } from '../ir/module.js';
import { lineOf } from '../patch/touched.js';
import type { PatchedFile, TranslationUnit } from '../types.js';
import type { ModuleDiff } from './diff.js';

/** Sections whose entries someone collects at boot or when a module is loaded: a new entry would not be seen. */
const collected =
  /^(?:\.init|\.exit|__param|__ksymtab|___ksymtab|_ftrace_events|_ftrace_eval_map|__tracepoints|__bpf_raw_tp_map|__syscalls_metadata|\.init_array|\.ctors|__modver|\.con_initcall|__clk_of_table|__irqchip|\.data\.\.ro_after_init)/;

/** Data that only describes the module to tools and to the compiler. */
const descriptive = /^(?:\.modinfo|\.discard|\.comment|\.note|__modver)/;

/** How a variable is called in the source: `f.x.3` is `x` of function `f`. */
function sourceName(name: string): string {
  return baseName(name).replace(/^.*\./, '');
}

export interface Verdict {
  /** What stands in the way; empty when the change can become a livepatch. */
  refusals: KlpError[];
  notes: Finding[];
}

/**
 * What of a translation unit's difference cannot be carried by a livepatch. Nothing is dropped in silence: each part of
 * the difference is either code that will be replaced, or named here.
 */
export function judge(
  unit: TranslationUnit,
  original: IrModule,
  patched: IrModule,
  diff: ModuleDiff,
  file: PatchedFile | undefined,
): Verdict {
  const refusals: KlpError[] = [];
  const notes: Finding[] = [];
  const at = (name: string): { file: string; line?: number; object: string } => {
    const line = lineOf(file, sourceName(name));
    return { file: unit.source, object: unit.object, ...(line === undefined ? {} : { line }) };
  };
  const variable = (module: IrModule, name: string): IrVariable | undefined => {
    const g = module.globals.get(name);
    return g?.kind === 'variable' ? g : undefined;
  };
  const describes = (v: IrVariable | undefined): boolean =>
    v?.section !== undefined && descriptive.test(v.section);

  for (const name of diff.changed) {
    const f = patched.globals.get(name);
    const section = (f?.kind === 'function' ? f.section : undefined) ?? '';
    if (transient.test(section)) {
      refusals.push(
        new KlpError(
          'init-function-changed',
          `${name} is in ${section}: it has run, and its memory is free`,
          {
            ...at(name),
            function: name,
          },
        ),
      );
    }
  }
  for (const name of diff.changedData) {
    const v = variable(patched, name);
    if (describes(v)) notes.push(described(name, at(name)));
    else {
      refusals.push(
        new KlpError(
          v?.section !== undefined && collected.test(v.section) ? 'registered-data-changed' : 'data-changed',
          `the initial value of ${sourceName(name)} changes, but the variable exists and holds a value in the running kernel`,
          at(name),
        ),
      );
    }
  }
  for (const [names, module, verb] of [
    [diff.addedData, patched, 'adds'],
    [diff.removedData, original, 'removes'],
  ] as const) {
    for (const name of names) {
      const v = variable(module, name);
      if (v?.section === undefined || !collected.test(v.section) || describes(v)) {
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
  const asm = [...diff.asm.added, ...diff.asm.removed];
  if (asm.length > 0) {
    const exported = asm.some((line) => /ksymtab|export_symbol/.test(line));
    refusals.push(
      new KlpError(
        exported ? 'export-changed' : 'file-asm-changed',
        exported
          ? `the patch adds, removes or changes an EXPORT_SYMBOL in ${unit.source}`
          : `assembly at file level differs in ${unit.source} (an initcall, a static call or an asm statement)`,
        { ...at(''), output: asm.slice(0, 12).join('\n') },
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

function described(name: string, place: { file: string; line?: number }): Finding {
  return {
    code: 'modinfo-not-carried',
    severity: 'warning',
    message: `${sourceName(name)} describes the module to tools and stays as it is in the running kernel`,
    ...place,
  };
}

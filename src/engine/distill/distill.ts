import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stage } from '../../shared/progress.js';
import type { Finding } from '../../shared/result.js';
import { run } from '../../shared/run.js';
import type { AnalysedUnit } from '../analyse.js';
import type { EngineContext } from '../context.js';
import type { IrModule } from '../ir/module.js';
import { generateCode } from '../object/compile.js';
import { checkSections } from '../object/sections.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import type { Provided } from '../provide.js';
import type { GeneratedObject, KlpFunc, SymbolSource } from '../types.js';
import { emit, type Distilled } from './emit.js';
import { escapes } from './escapes.js';
import { findReferences, type References } from './references.js';
import { withRuntimeConstants } from './runtimeconst.js';
import { select, type Selection } from './select.js';

export interface DistilledUnit {
  analysed: AnalysedUnit;
  object: GeneratedObject;
  funcs: KlpFunc[];
  selection: Selection;
}

/**
 * Turns the difference of one unit into an object that holds the changed functions and nothing else of the kernel.
 * @param suffix appended to the names of replaced static functions, to keep several files' apart
 * @param others what this unit can use of the other units
 * @param objtool objtool's arguments without the object, where the architecture has one
 * @throws KlpError `static-ambiguous`, `section-not-for-modules`, and what the resolver throws
 */
export async function distill(
  analysed: AnalysedUnit,
  symbols: KernelSymbols,
  objtool: readonly string[] | undefined,
  suffix: string,
  others: Provided,
  context: EngineContext,
): Promise<DistilledUnit> {
  const { unit, diff } = analysed;
  const patched = withRuntimeConstants(analysed.patched, new Set([...diff.changed, ...diff.added]));
  const selection = select(patched, diff, unit.source);
  const work = async (): Promise<DistilledUnit> => {
    const references = findReferences(analysed, patched, selection, symbols, others);
    const { sources, unlinked, absent, provided } = references;
    const distilled = emit(patched, selection, { unlinked, absent, provided, suffix });
    const funcs = replacedFunctions(analysed, selection, distilled, symbols);
    context.findings.push(...remarks(unit.source, patched, selection, distilled, references));
    const path = await makeObject(analysed, distilled, objtool, context);
    const wanted = new Map<string, SymbolSource>();
    for (const [name, reference] of distilled.symbols) {
      const source = sources.get(reference);
      if (source) wanted.set(name, source);
    }
    return { analysed, object: { unit, path, symbols: wanted }, selection, funcs };
  };
  return await stage('distil', context, work, unit.source);
}

/**
 * The functions that are replaced. Their positions are proved even if they are global: a weak one may not be the
 * kernel's.
 */
function replacedFunctions(
  { unit, diff }: AnalysedUnit,
  { entries }: Selection,
  { newNames }: Distilled,
  symbols: KernelSymbols,
): KlpFunc[] {
  return entries.map(({ name }) => {
    const { name: oldName, sympos } = symbols.resolveLocal(unit, diff.originalOf.get(name) ?? name);
    return { objname: unit.objname, oldName, sympos, newName: newNames.get(name) ?? name };
  });
}

/** What users should know of the livepatch's part of a unit. */
function remarks(
  file: string,
  patched: IrModule,
  selection: Selection,
  { branches }: Distilled,
  { unlinked }: References,
): Finding[] {
  const copies = selection.copies.map(({ name, why }): Finding => ({
    code: 'static-copied',
    severity: 'note',
    message: `${name} is a copy of its own in the livepatch: ${why}`,
    file,
  }));
  const given = escapes(patched, selection).map(({ what, from, how }): Finding => ({
    code: 'livepatch-address-given',
    severity: 'warning',
    message: `${from} takes the address of ${what}, which only the livepatch has, and ${how}`,
    file,
    function: from,
  }));
  const ordinary = branches.map(({ function: name, key }): Finding => ({
    code: 'static-branch-dynamic',
    severity: 'note',
    message: `a static branch on ${key} became an ordinary branch in the livepatch, because ${unlinked.get(key)}`,
    file,
    function: name,
  }));
  return [...copies, ...given, ...ordinary];
}

/** Compiles the distilled IR as the kernel build compiled the unit, and runs objtool over it. @returns the object */
async function makeObject(
  { unit, dir }: AnalysedUnit,
  { text }: Distilled,
  objtool: readonly string[] | undefined,
  context: EngineContext,
): Promise<string> {
  const ir = join(dir, 'distilled.ll');
  await writeFile(ir, text);
  const path = join(dir, 'distilled.o');
  await generateCode(unit, ir, path, context);
  await checkSections(unit, path);
  if (!objtool) return path;
  const { stderr } = await run([...objtool, path], {
    cwd: unit.cwd,
    ...(context.signal ? { signal: context.signal } : {}),
  });
  for (const message of stderr.split('\n').filter((line) => line !== ''))
    context.findings.push({ code: 'objtool-warning', severity: 'warning', message, file: unit.source });
  return path;
}

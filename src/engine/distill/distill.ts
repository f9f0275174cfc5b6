import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { stage } from '../../shared/progress.js';
import { run } from '../../shared/run.js';
import type { AnalysedUnit } from '../analyse.js';
import type { EngineContext } from '../context.js';
import type { IrFunction } from '../ir/module.js';
import { addressesIn } from '../ir/text.js';
import { generateCode } from '../object/compile.js';
import { checkSections } from '../object/sections.js';
import type { KernelSymbols, KlpSource } from '../kernel/symbols.js';
import type { Provided } from '../provide.js';
import type { GeneratedObject, KlpFunc, SymbolSource } from '../types.js';
import { emit } from './emit.js';
import { escapes } from './escapes.js';
import { refuseFreed } from './freed.js';
import { lookUp } from './lookup.js';
import { withRuntimeConstants } from './runtimeconst.js';
import { select, type KernelReference, type Selection } from './select.js';

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
  const { unit, diff, dir } = analysed;
  const patched = withRuntimeConstants(analysed.patched, new Set([...diff.changed, ...diff.added]));
  const selection = select(patched, diff, unit.source);
  return await stage(
    'distil',
    context,
    async () => {
      const resolve = (
        name: string,
        { local, original }: KernelReference,
      ): SymbolSource | 'livepatch' | undefined => {
        if (local) return symbols.resolveLocal(unit, original);
        try {
          return lookUp(unit, original, others, symbols);
        } catch (error) {
          // A weak reference that nothing defines is 0, in the kernel and in the livepatch.
          const isWeak = patched.globals.get(name)?.linkage === 'extern_weak';
          if (isWeak && error instanceof KlpError && error.code === 'symbol-not-in-kernel') return undefined;
          throw error;
        }
      };
      const sources = new Map<KernelReference, SymbolSource>();
      const code = [...selection.entries, ...selection.own.values()];
      const handed = new Map(
        code.flatMap((g) =>
          [...addressesIn(g.kind === 'function' ? g.body : g.initialiser)].map(
            (name) => [name, g.name] as const,
          ),
        ),
      );
      const refuseSealed = (name: string, source: SymbolSource): void => {
        const holder = handed.get(name);
        if (holder === undefined || source.kind !== 'klp' || !symbols.isSealed(source)) return;
        throw new KlpError(
          'address-newly-taken',
          `${holder} takes the address of ${name}, and the kernel has made sure that ${name} is called by its name alone`,
          { file: unit.source, object: unit.object, function: holder },
        );
      };
      const unlinked = new Map<string, string>();
      const absent = new Set<string>();
      for (const [name, reference] of selection.kernel) {
        if (name.startsWith('llvm.')) continue;
        const source = resolve(name, reference);
        if (source === 'livepatch') continue;
        if (!source) {
          absent.add(name);
          continue;
        }
        sources.set(reference, source);
        refuseSealed(name, source);
        if (source.kind === 'klp' && source.freed !== undefined)
          refuseFreed(analysed, selection, name, reference, source.freed);
        const whyNoKey = symbols.whyNoKey(source);
        if (whyNoKey !== undefined) unlinked.set(name, whyNoKey);
      }
      for (const [name, reference] of selection.addressTaken) {
        // Even of an exported function: the livepatch's own symbol of that name would hide it.
        const source = symbols.resolveLocal(unit, reference.original);
        refuseSealed(name, source);
        sources.set(reference, source);
      }
      const entries = selection.entries.map((f) => entryOf(f));
      for (const copy of selection.copies) {
        context.findings.push({
          code: 'static-copied',
          severity: 'note',
          message: `${copy.name} is a copy of its own in the livepatch: ${copy.why}`,
          file: unit.source,
        });
      }
      for (const { what, from, how } of escapes(patched, selection)) {
        context.findings.push({
          code: 'livepatch-address-given',
          severity: 'warning',
          message: `${from} takes the address of ${what}, which only the livepatch has, and ${how}`,
          file: unit.source,
          function: from,
        });
      }
      const distilled = emit(patched, selection, { unlinked, absent, suffix });
      for (const { function: name, key } of distilled.branches) {
        context.findings.push({
          code: 'static-branch-dynamic',
          severity: 'note',
          message: `a static branch on ${key} became an ordinary branch in the livepatch, because ${unlinked.get(key)}`,
          file: unit.source,
          function: name,
        });
      }
      const ir = join(dir, 'distilled.ll');
      await writeFile(ir, distilled.text);
      const path = join(dir, 'distilled.o');
      await generateCode(unit, ir, path, context);
      await checkSections(unit, path);
      if (objtool) {
        const { stderr } = await run([...objtool, path], {
          cwd: unit.cwd,
          ...(context.signal ? { signal: context.signal } : {}),
        });
        for (const line of stderr.split('\n')) {
          if (line !== '')
            context.findings.push({
              code: 'objtool-warning',
              severity: 'warning',
              message: line,
              file: unit.source,
            });
        }
      }
      const wanted = new Map<string, SymbolSource>();
      for (const [name, reference] of distilled.symbols) {
        const source = sources.get(reference);
        if (source) wanted.set(name, source);
      }
      return {
        analysed,
        object: { unit, path, symbols: wanted },
        selection,
        funcs: entries.map(({ f, source }) => ({
          objname: unit.objname,
          oldName: source.name,
          sympos: source.sympos,
          newName: distilled.newNames.get(f.name) ?? f.name,
        })),
      };
    },
    unit.source,
  );

  /** The function that is replaced. Its position is proved even if it is global: a weak one may not be the kernel's. */
  function entryOf(f: IrFunction): { f: IrFunction; source: KlpSource } {
    const original = diff.originalOf.get(f.name) ?? f.name;
    return { f, source: symbols.resolveLocal(unit, original) };
  }
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { archData } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { ResultDocument } from '../shared/result.js';
import { analyse, differs, type AnalysedUnit } from './analyse.js';
import { onEach, type EngineContext } from './context.js';
import { carryUntraceable } from './diff/untraceable.js';
import { judgeInterfaces, type IsExported, type IsHeldElsewhere } from './diff/interface.js';
import { judgeMoves } from './diff/moved.js';
import { judgePointers } from './diff/pointers.js';
import { judge } from './diff/refuse.js';
import { stallFindings } from './diff/stalls.js';
import { distill } from './distill/distill.js';
import { unitsApart } from './kernel/apart.js';
import { generatedFindings } from './kernel/generated.js';
import { checkPatchedFiles } from './kernel/preflight.js';
import { sourceReader } from './kernel/read-source.js';
import { offsetUnits } from './kernel/offsets.js';
import { lateBranchFindings, seriesFindings } from './kernel/series.js';
import { openSymbols } from './kernel/symbols.js';
import { isExportOf } from './kernel/symvers.js';
import { openKernel } from './kernel/tree.js';
import { unitsFor } from './kernel/units.js';
import { compileCallbacks } from './klp/callbacks.js';
import { checkLayouts } from './layouts.js';
import { assembleKlp } from './klp/assemble.js';
import { reloadFindings } from './klp/late.js';
import { readModuleRecipe } from './klp/recorded.js';
import {
  checkApart,
  checkOffsets,
  textWithPatch,
  withoutAssembly,
  type AssemblyContext,
} from './object/assembly.js';
import { writeOverlay } from './object/compile.js';
import { align } from './patch/align.js';
import { applyPatches } from './patch/apply.js';
import { constantFindings, countFindings } from './patch/constants.js';
import { checkPrototypes } from './prototypes.js';
import { checkDefinitions, provideAll, providedBy } from './provide.js';
import { touchedFunctions } from './patch/touched.js';
import type { KernelTree, KlpFunc, PatchedFile, TranslationUnit } from './types.js';
import { explain, namesOn } from './why.js';
import { definitionsIn } from './why/definitions.js';
import { headerFindings } from './why/headers.js';
import { see } from './why/seen.js';
import { unchangedFiles } from './why/unchanged.js';

export interface GenerateRequest {
  /** The configured and built kernel tree. */
  kernelDir: string;
  /** The architecture that the kernel has to be of; any when left out. */
  arch?: string;
  patches: readonly { name: string; text: string }[];
  /** The livepatch's name: the module becomes `livepatch-NAME.ko`. */
  name: string;
  /** Where the module goes (absolute). */
  outDir: string;
  /** A C file with functions to run before and after patching (absolute). */
  callbacks?: string;
  /** Replace all livepatches that are active when this one is loaded. */
  replace: boolean;
}

/**
 * From patch to klp module. `result` is filled in as the stages end, so that a caller has what is known when one throws.
 * @returns the path of the module
 * @throws KlpError: a refusal, unusable input, or `no-effect` when no code changes
 */
export async function generate(
  request: GenerateRequest,
  result: ResultDocument,
  context: EngineContext,
): Promise<string> {
  const tree = await stage('kernel', context, () => openKernel(request.kernelDir, request.arch));
  result.kernel = {
    release: tree.release,
    arch: tree.arch,
    configSha256: tree.configSha256,
    ...(tree.buildId === undefined ? {} : { buildId: tree.buildId }),
    ...(tree.series.length === 0 ? {} : { series: tree.series }),
  };
  context.findings.push(...seriesFindings(tree));
  result.toolchain = { compiler: tree.compilerText };

  const files = await stage('patch', context, async () => {
    const applied = await applyPatches(request.patches, sourceReader(tree));
    const checked = await checkPatchedFiles(applied, tree);
    const paths = checked.files.map(({ path }) => path);
    context.findings.push(...checked.findings, ...(await generatedFindings(tree, paths)));
    return checked.files;
  });
  result.touched = touchedFunctions(files);
  const overlay = await writeOverlay(tree, new Map(files.map((f) => [f.path, align(f)])), context.dir);
  const reading = { overlay, ...(context.signal ? { signal: context.signal } : {}) };
  const units = await stage('find objects', context, () => findUnits(tree, files, reading, context));

  const definitions = definitionsIn(files);
  const namesOf = namesOn(archData(tree.arch));
  // What cannot be livepatched ends the work at once: a header may reach a thousand units.
  const compared = await stage('compare objects', context, () =>
    onEach(units, context, async (unit, own) => {
      const isOwn = files.some((file) => file.path === unit.source);
      if (!isOwn && (await textWithPatch(unit, reading)) !== 'different') return undefined;
      const found = await analyse(tree, unit, files, overlay, own);
      const seen = await see(unit, found.patched, definitions, namesOf, reading);
      if (differs(found.diff)) {
        return { seen, found, counts: await checkLayouts(found, files, overlay, own) };
      }
      // Nothing is kept of a unit that a header makes no difference to.
      if (!found.file) await rm(found.dir, { recursive: true, force: true });
      return { seen };
    }),
  );
  const seen = compared.flatMap((one) => one?.seen ?? []);
  const differing = compared.flatMap((one) => one?.found ?? []);
  result.graph = explain([], definitions, seen, namesOf).graph;
  const differingUnits = differing.map(({ unit }) => unit);
  context.findings.push(...unchangedFiles(files, units, differingUnits, result.graph.touched));
  const proved = units.filter(
    (u, i) => compared[i]?.found !== undefined || files.some((f) => f.path === u.source),
  );
  result.fidelity = proved.map(({ object }) => ({ object, identical: true }));
  refuseProcessed(differing);
  const symbols = await stage('symbols', context, () => openSymbols(tree));
  const isExported: IsExported = (unit, name) => isExportOf(symbols.exports(), unit, name);
  const isHeldElsewhere: IsHeldElsewhere = (unit, name) => symbols.isPointedTo(unit, name);
  refuse(differing, files, isExported, isHeldElsewhere, context);
  await checkPrototypes(differing, files, isExported, overlay, context);
  for (const unit of differing) checkDefinitions(unit, symbols);
  // What is judged is what the patch does; what a livepatch has to replace for that comes after.
  const changed = differing.map((a) => ({
    ...a,
    diff: carryUntraceable(a.unit, a.patched, a.diff, (name) => symbols.isFtraceable(a.unit, name)),
  }));
  if (!changed.some((a) => a.diff.changed.size > 0)) {
    throw new KlpError('no-effect', 'no function of this kernel that may still run changes with the patch');
  }

  const recipe = await readModuleRecipe(tree);
  const others = provideAll(changed, symbols);
  const distilled = await onEach(
    changed.filter((a) => a.diff.changed.size > 0 || providedBy(a).length > 0),
    context,
    (a, own, i) =>
      distill(a, symbols, recipe.objtool, clashes(a, changed) ? `.klp_unit${i}` : '', others, own),
  );
  const funcs: KlpFunc[] = distilled.flatMap((d) => d.funcs);
  const { functions, graph } = explain(distilled, definitions, seen, namesOf);
  Object.assign(result, { functions, graph });
  context.findings.push(
    ...headerFindings(graph.touched),
    ...constantFindings(files),
    ...countFindings(
      files,
      compared.flatMap((one) => one?.counts ?? []),
    ),
    ...changed.flatMap((a) => stallFindings(a, files)),
  );

  const patched = distilled.filter((d) => d.funcs.length > 0).map((d) => d.analysed.unit);
  const { callbacks } = request;
  const hooks =
    callbacks === undefined
      ? undefined
      : await stage('callbacks', context, () =>
          compileCallbacks(callbacks, tree, symbols, patched, others, context.dir, context.signal),
        );
  context.findings.push(...(hooks?.findings ?? []));
  const made = await stage('assemble', context, () =>
    assembleKlp(
      {
        tree,
        kernel: symbols,
        name: request.name,
        objects: [...distilled.map((d) => d.object), ...(hooks ? [hooks.object] : [])],
        funcs,
        replace: request.replace,
        recipe,
        ...(hooks ? { callbacks: hooks.callbacks } : {}),
      },
      {
        outDir: request.outDir,
        debugDir: join(context.dir, 'module'),
        timings: context.timings,
        ...(context.signal ? { signal: context.signal } : {}),
      },
    ),
  );
  result.symbols = made.symbols;
  if (made.modules.length > 0) result.kernel.modules = made.modules;
  context.findings.push(
    ...lateBranchFindings(tree, made.lateBranches),
    ...reloadFindings(made.lateModules, symbols),
  );
  return made.ko;
}

/** Does another unit replace a function of the same name? Both end up in one module. */
function clashes(unit: AnalysedUnit, all: readonly AnalysedUnit[]): boolean {
  return all.some(
    (other) => other !== unit && [...other.diff.changed].some((name) => unit.diff.changed.has(name)),
  );
}

/** The C units that read the patched files, those of a file's own first. */
async function findUnits(
  tree: KernelTree,
  files: readonly PatchedFile[],
  reading: AssemblyContext,
  context: EngineContext,
): Promise<TranslationUnit[]> {
  const paths = files.map((f) => f.path);
  const units = await withoutAssembly(await unitsFor(tree, paths), files, reading);
  await checkOffsets(await offsetUnits(tree, paths), files, reading);
  await checkApart(await unitsApart(tree, paths), files, reading);
  if (units.length > files.length + 20) {
    context.progress({ type: 'note', text: `the patch reaches ${units.length} objects by headers` });
  }
  return units;
}

/** Code that is in the kernel under other names, at another place or linked apart has no functions to replace. */
function refuseProcessed(changed: readonly AnalysedUnit[]): void {
  for (const { unit } of changed) {
    if (unit.processed === undefined) continue;
    throw new KlpError(
      'object-not-livepatchable',
      `${unit.source} differs with the patch, and ${unit.processed}, which is in the kernel, was made of its object by other programs`,
      { file: unit.source, object: unit.object },
    );
  }
}

/** Besides the first; one changed macro can change a hundred initial values. */
const shownRefusals = 9;

/** Collects what stands in the way in all units, and throws the first; the others become findings. */
function refuse(
  changed: readonly AnalysedUnit[],
  files: readonly PatchedFile[],
  isExported: IsExported,
  isHeldElsewhere: IsHeldElsewhere,
  context: EngineContext,
): void {
  const verdicts = [
    ...changed.map((compared) => judge(compared, files)),
    judgeInterfaces(changed, files, isExported, isHeldElsewhere),
    ...changed.map((compared) => judgePointers(compared, files)),
  ];
  context.findings.push(...verdicts.flatMap((v) => v.notes));
  const refusals = [...verdicts.flatMap((v) => v.refusals), ...judgeMoves(changed, files)];
  const [first, ...others] = refusals;
  if (!first) return;
  if (others.length > shownRefusals) {
    const message = `${others.length - shownRefusals} more of this kind are not listed`;
    context.findings.push({ code: first.code, severity: 'note', message });
  }
  for (const { code, message, advice, detail } of others.slice(0, shownRefusals)) {
    const { file, line, object } = detail;
    context.findings.push({
      code,
      severity: 'error',
      message,
      advice,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(object === undefined ? {} : { object }),
    });
  }
  throw first;
}

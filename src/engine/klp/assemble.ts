import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../../shared/files.js';
import type { KlpSymbol, ModuleBuild } from '../../shared/result.js';
import { readElf } from '../elf/read.js';
import { writeElf } from '../elf/write.js';
import type { ElfFile } from '../elf/model.js';
import type { GeneratedObject, KernelTree, KlpFunc } from '../types.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import { openSymbolFile } from '../kernel/symbol-file.js';
import { boundWith, patchedObjects } from './bound.js';
import { checkModule, parseModinfo } from './check.js';
import { convertToKlp } from './convert.js';
import { settleData } from './data-sections.js';
import {
  compileModuleSource,
  linkModule,
  linkObjects,
  runModpost,
  runObjtool,
  type LinkContext,
} from './link.js';
import { fillerObject, lateBranches, lateModules, lateProblems, lateRules, refuseLate } from './late.js';
import { readModuleRecipe, type ModuleRecipe } from './recorded.js';
import { definedGlobals, renameKernelSymbols, undefinedSymbols, type KernelResolver } from './rename.js';
import { standInObject } from './stand-in.js';
import { dropSeals } from './unseal.js';
import { wrapperSource, type ObjectCallbacks } from './wrapper.js';

export interface AssembleInput {
  tree: KernelTree;
  kernel: KernelResolver & Pick<KernelSymbols, 'moduleBuildId' | 'dependencies'>;
  /** File name of the module without `.ko`, e.g. `livepatch-fix`; see `moduleNames`. */
  name: string;
  objects: readonly GeneratedObject[];
  funcs: readonly KlpFunc[];
  replace: boolean;
  callbacks?: readonly ObjectCallbacks[];
  /** What `readModuleRecipe` gave, when the caller has it already. */
  recipe?: ModuleRecipe;
  /** One line for modinfo. */
  description?: string;
}

export interface AssembleContext {
  /** Where the .ko goes. */
  outDir: string;
  /** Keeps the intermediate files here. */
  debugDir?: string;
  signal?: AbortSignal;
  /** Milliseconds per step are added here. */
  timings?: Record<string, number>;
}

export interface AssembledModule {
  /** Path of the finished module. */
  ko: string;
  /** Name under which the kernel knows it. */
  module: string;
  /** The klp symbols that it needs, without repeats, sorted. */
  symbols: KlpSymbol[];
  /** The builds of the modules that it patches or has such symbols of, sorted. */
  modules: ModuleBuild[];
  /** The modules that it has late relocations against, and those that it branches to by them, sorted. */
  lateModules: string[];
  lateBranches: string[];
}

/**
 * The names of a livepatch: the file's (`livepatch-NAME`) and the module's (`livepatch_NAME`).
 * @throws module-name-invalid
 */
export function moduleNames(name: string): { file: string; module: string } {
  const file = `livepatch-${name}`;
  // MODULE_NAME_LEN is 64 - sizeof(unsigned long), with the terminating zero.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) || file.length > 55) {
    throw new KlpError('module-name-invalid', `${JSON.stringify(name)} cannot name a livepatch`);
  }
  return { file, module: file.replaceAll('-', '_') };
}

/**
 * Makes the klp module of the generated objects and writes it to `outDir`. The kernel tree is only read.
 * @throws symbol-not-in-kernel, symbol-position-unproved, new-module-dependency, late-special-section,
 *   late-relocation-impossible, section-not-for-modules, symbol-name-conflict, module-name-invalid, build-record-missing, module-link-failed, module-check-failed
 */
export async function assembleKlp(input: AssembleInput, context: AssembleContext): Promise<AssembledModule> {
  const { tree, funcs } = input;
  const { file, module } = moduleNames(input.name);
  const timings = context.timings ?? {};
  const timed = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const value = await work();
    timings[step] = (timings[step] ?? 0) + performance.now() - started;
    return value;
  };

  return await withDir(context.debugDir, async (dir) => {
    const recipe = input.recipe ?? (await readModuleRecipe(tree));
    const link: LinkContext = { tree, recipe, dir, ...(context.signal ? { signal: context.signal } : {}) };
    const renamed = await timed('klp rename', () => renameObjects(input, dir));
    const modules = moduleBuilds(
      [...funcs.map((f) => f.objname), ...renamed.symbols.map((s) => s.object)],
      input.kernel,
    );
    const source = wrapperSource({
      funcs,
      callbacks: input.callbacks ?? [],
      replace: input.replace,
      namespaces: renamed.namespaces,
      description: input.description ?? `Livepatch ${input.name}`,
      ...(tree.buildId === undefined ? {} : { kernelBuildId: tree.buildId }),
      modules,
      include: `${file}.mod.c`,
    });
    await writeFile(join(dir, `${file}.wrapper.c`), source);
    const wrapper = await compileWrapper(link, { file, module, renamed, timed });
    const ko = await timed('klp link', () => linkKlp(link, renamed, wrapper, file));
    return await timed('klp convert and check', async () => {
      const bytes = writeElf(ko);
      checkModule(readElf(bytes, `${file}.ko`), {
        vermagic: vermagicOf(tree, recipe),
        module,
        funcs,
        loadedWith: patchedObjects(input),
        exports: input.kernel.exports(),
        versions: tree.config.get('CONFIG_MODVERSIONS') === 'y',
      });
      const path = join(context.outDir, `${file}.ko`);
      await writeFileAtomic(path, bytes);
      const late = { lateModules: lateModules(ko), lateBranches: lateBranches(ko, lateRules(tree)) };
      return { ko: path, module, symbols: renamed.symbols, modules, ...late };
    });
  });
}

/** The builds of these objects, vmlinux and those without a build id apart. */
function moduleBuilds(
  objnames: readonly string[],
  kernel: Pick<KernelSymbols, 'moduleBuildId'>,
): ModuleBuild[] {
  return [...new Set(objnames)].sort().flatMap((name) => {
    const buildId = name === 'vmlinux' ? undefined : kernel.moduleBuildId(name);
    return buildId === undefined ? [] : [{ name, buildId }];
  });
}

/** How far code is moved at most (bytes), and in which steps. */
const filling = { step: 16, most: 256 };

/**
 * Links the module and converts it. Where a late relocation came to lie at a place at which the kernel could not apply
 * it, the module is linked again with its code moved a little.
 */
async function linkKlp(
  link: LinkContext,
  renamed: RenamedObjects,
  wrapper: string,
  file: string,
): Promise<ElfFile> {
  const { tree, dir } = link;
  const linked = join(dir, `${file}.linked.ko`);
  const filler = join(dir, `${file}.filler.o`);
  const rules = lateRules(tree);
  for (let size = 0; ; size += filling.step) {
    if (size > 0) await writeFile(filler, writeElf(fillerObject(renamed.machine, renamed.flags, size)));
    await linkModule(link, [...(size > 0 ? [filler] : []), ...renamed.paths, wrapper], linked);
    const ko = readElf(await readFile(linked), `${file}.ko`);
    convertToKlp(ko);
    const problems = lateProblems(ko, rules, tree.config);
    if (problems.length === 0) return ko;
    if (size >= filling.most || problems.some((p) => !p.movable)) refuseLate(ko, problems);
  }
}

/** The version magic that the kernel compares a module's with, from a module of the same build. */
function vermagicOf(tree: KernelTree, recipe: ModuleRecipe): string {
  const sample = openSymbolFile(join(tree.dir, recipe.sample), recipe.sample);
  const section = sample.header.sections.find((s) => s.name === '.modinfo');
  const vermagic = section && parseModinfo(sample.bytes(section)).get('vermagic')?.[0];
  if (vermagic !== undefined) return vermagic;
  throw new KlpError('build-record-missing', `${recipe.sample} has no version magic`, {
    file: recipe.sample,
  });
}

interface WrapperWork {
  file: string;
  module: string;
  renamed: RenamedObjects;
  timed: <T>(step: string, work: () => Promise<T>) => Promise<T>;
}

/**
 * Compiles the wrapper together with the `.mod.c` that modpost writes: their headers are the same, and are most of the
 * work. modpost therefore sees a stand-in for the wrapper; should the wrapper turn out to need a symbol that the
 * stand-in did not name, it is done again with that.
 */
async function compileWrapper(
  link: LinkContext,
  { file, module, renamed, timed }: WrapperWork,
): Promise<string> {
  const { dir, recipe } = link;
  const known = new Set(['klp_enable_patch', ...renamed.undefined]);
  for (let round = 0; ; round++) {
    await timed('klp modpost', async () => {
      const standIn = join(dir, `${file}.stand-in.o`);
      await writeFile(
        standIn,
        writeElf(standInObject(renamed.machine, renamed.flags, known, renamed.namespaces)),
      );
      await linkObjects(link, [standIn, ...renamed.paths], join(dir, `${file}.o`));
      await runModpost(link, file);
    });
    const object = await timed('klp compile', () =>
      compileModuleSource(link, module, `${file}.wrapper`, recipe.callChecks),
    );
    await timed('klp objtool', () => runObjtool(link, object));
    const needed = undefinedSymbols(readElf(await readFile(object), object)).map((s) => s.name);
    const unknown = needed.filter((name) => !known.has(name) && !renamed.defined.has(name));
    if (unknown.length === 0 || round > 0) return object;
    for (const name of unknown) known.add(name);
  }
}

async function withDir<T>(debugDir: string | undefined, use: (dir: string) => Promise<T>): Promise<T> {
  if (debugDir === undefined) return await withTempDir('klp-assemble', use);
  await mkdir(debugDir, { recursive: true });
  return await use(debugDir);
}

interface RenamedObjects {
  paths: string[];
  machine: number;
  flags: number;
  /** Names that the objects define for others, and names that they need from the kernel's exports. */
  defined: ReadonlySet<string>;
  undefined: ReadonlySet<string>;
  namespaces: string[];
  symbols: KlpSymbol[];
}

async function renameObjects(input: AssembleInput, dir: string): Promise<RenamedObjects> {
  const elves = await Promise.all(
    input.objects.map(async (o) => ({ object: o, elf: readElf(await readFile(o.path), o.unit.object) })),
  );
  const [first] = elves;
  if (first === undefined) throw new KlpError('internal', 'a livepatch of no objects');
  const defined = definitionsOf(elves);
  const needed = new Set<string>();
  const namespaces = new Set<string>();
  const symbols = new Map<string, KlpSymbol>();
  const patched = patchedObjects(input);
  const paths = await Promise.all(
    elves.map(async ({ object, elf }, i) => {
      settleData(elf, object.unit);
      dropSeals(elf);
      const needs = renameKernelSymbols(elf, object.unit, object.symbols, defined, input.kernel, () =>
        boundWith(object.unit, patched),
      );
      for (const s of undefinedSymbols(elf)) if (!defined.has(s.name)) needed.add(s.name);
      for (const n of needs.namespaces) namespaces.add(n);
      for (const s of needs.symbols) symbols.set(`${s.object} ${s.name} ${s.sympos}`, s);
      const path = join(dir, `object-${i}.o`);
      await writeFile(path, writeElf(elf));
      return path;
    }),
  );
  return {
    paths,
    machine: first.elf.machine,
    flags: first.elf.flags,
    defined,
    undefined: needed,
    namespaces: [...namespaces].sort(),
    symbols: [...symbols].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, symbol]) => symbol),
  };
}

/** All global names that the objects define. @throws symbol-name-conflict */
function definitionsOf(elves: readonly { object: GeneratedObject; elf: ElfFile }[]): Set<string> {
  const definer = new Map<string, string>();
  for (const { object, elf } of elves) {
    for (const name of definedGlobals(elf)) {
      const other = definer.get(name);
      if (other !== undefined) {
        throw new KlpError('symbol-name-conflict', `${other} and ${object.unit.object} both define ${name}`, {
          object: object.unit.object,
          function: name,
        });
      }
      definer.set(name, object.unit.object);
    }
  }
  return new Set(definer.keys());
}

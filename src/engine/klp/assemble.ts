import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../../shared/files.js';
import type { KlpSymbol } from '../../shared/result.js';
import { readElf } from '../elf/read.js';
import { writeElf } from '../elf/write.js';
import type { ElfFile } from '../elf/model.js';
import type { GeneratedObject, KernelTree, KlpFunc } from '../types.js';
import { checkModule } from './check.js';
import { convertToKlp } from './convert.js';
import {
  compileModuleSource,
  linkModule,
  linkObjects,
  runModpost,
  runObjtool,
  type LinkContext,
} from './link.js';
import { readModuleRecipe } from './recorded.js';
import { definedGlobals, renameKernelSymbols, type GlobalResolver } from './rename.js';
import { wrapperSource, type ObjectCallbacks } from './wrapper.js';

export interface AssembleInput {
  tree: KernelTree;
  kernel: GlobalResolver;
  /** File name of the module without `.ko`, e.g. `livepatch-fix`; see `moduleNames`. */
  name: string;
  objects: readonly GeneratedObject[];
  funcs: readonly KlpFunc[];
  replace: boolean;
  callbacks?: readonly ObjectCallbacks[];
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
 *   symbol-name-conflict, module-name-invalid, build-record-missing, module-link-failed, module-check-failed
 */
export async function assembleKlp(input: AssembleInput, context: AssembleContext): Promise<AssembledModule> {
  const { tree, objects, funcs } = input;
  const { file, module } = moduleNames(input.name);
  const timings = context.timings ?? {};
  const timed = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const value = await work();
    timings[step] = (timings[step] ?? 0) + performance.now() - started;
    return value;
  };

  return await withDir(context.debugDir, async (dir) => {
    const recipe = await readModuleRecipe(tree);
    const signal = context.signal ? { signal: context.signal } : {};
    const link: LinkContext = { tree, recipe, dir, ...signal };
    const renamed = await timed('rename', () => renameObjects(input, dir));
    await writeFile(
      join(dir, 'wrapper.c'),
      wrapperSource({
        funcs,
        callbacks: input.callbacks ?? [],
        replace: input.replace,
        namespaces: renamed.namespaces,
        description: input.description ?? `Livepatch ${input.name}`,
      }),
    );
    const wrapper = await timed('wrapper', async () => {
      const object = await compileModuleSource(link, module, 'wrapper', recipe.callChecks);
      await runObjtool(link, object);
      return object;
    });
    const combined = join(dir, `${file}.o`);
    await timed('combine', () => linkObjects(link, [wrapper, ...renamed.paths], combined));
    await timed('modpost', () => runModpost(link, file));
    const modObject = await timed('mod.c', () => compileModuleSource(link, module, `${file}.mod`));
    const linked = join(dir, `${file}.linked.ko`);
    await timed('link', () => linkModule(link, combined, modObject, linked));
    return await timed('convert', async () => {
      const ko = readElf(await readFile(linked), `${file}.ko`);
      convertToKlp(ko);
      const bytes = writeElf(ko);
      checkModule(readElf(bytes, `${file}.ko`), { tree, module, funcs });
      const path = join(context.outDir, `${file}.ko`);
      await writeFileAtomic(path, bytes);
      return { ko: path, module, symbols: renamed.symbols };
    });
  });
}

async function withDir<T>(debugDir: string | undefined, use: (dir: string) => Promise<T>): Promise<T> {
  return await withTempDir('klp-assemble', use);
}

interface RenamedObjects {
  paths: string[];
  namespaces: string[];
  symbols: KlpSymbol[];
}

async function renameObjects(input: AssembleInput, dir: string): Promise<RenamedObjects> {
  const elves = await Promise.all(
    input.objects.map(async (o) => ({ object: o, elf: readElf(await readFile(o.path), o.unit.object) })),
  );
  const definitions = definitionsOf(elves);
  const namespaces = new Set<string>();
  const symbols = new Map<string, KlpSymbol>();
  const paths = await Promise.all(
    elves.map(async ({ object, elf }, i) => {
      const needs = renameKernelSymbols(elf, object.unit, object.symbols, definitions, input.kernel);
      for (const n of needs.namespaces) namespaces.add(n);
      for (const s of needs.symbols) symbols.set(`${s.object} ${s.name} ${s.sympos}`, s);
      const path = join(dir, `object-${i}.o`);
      await writeFile(path, writeElf(elf));
      return path;
    }),
  );
  const sorted = [...symbols].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, symbol]) => symbol);
  return { paths, namespaces: [...namespaces].sort(), symbols: sorted };
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

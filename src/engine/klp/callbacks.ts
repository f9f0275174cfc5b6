import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { readElf } from '../elf/read.js';
import { parseModule, type IrModule } from '../ir/module.js';
import { sourceReader } from '../kernel/read-source.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import { unitsFor } from '../kernel/units.js';
import { firstDiagnostic } from '../object/compile.js';
import type { Provided } from '../provide.js';
import type { GeneratedObject, KernelTree, TranslationUnit } from '../types.js';
import { reachedFrom } from './callback-reach.js';
import { hooksIn, shimsOf } from './callback-hooks.js';
import { callbackSymbols, header } from './callback-symbols.js';
import { compileModuleSource, runObjtool, type LinkContext } from './link.js';
import { readModuleRecipe } from './recorded.js';
import type { ObjectCallbacks } from './wrapper.js';

export interface CallbackObject {
  object: GeneratedObject;
  callbacks: ObjectCallbacks[];
  /** Warnings of what the callbacks do. */
  findings: Finding[];
}

/**
 * Compiles a C file with functions that run around patching; see `hooksIn`.
 * @param file the user's file (absolute)
 * @param patched the units that the livepatch patches
 * @param dir a scratch folder (absolute)
 * @throws KlpError `callbacks-unusable` when it cannot be read, has none of the functions or does not compile; what
 *   the symbol tables throw for a symbol that is not there
 */
export async function compileCallbacks(
  file: string,
  tree: KernelTree,
  symbols: KernelSymbols,
  patched: readonly TranslationUnit[],
  provided: Provided,
  dir: string,
  signal?: AbortSignal,
): Promise<CallbackObject> {
  const place = { file: basename(file) };
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KlpError('callbacks-unusable', `${file} cannot be read`, { ...place, cause });
  });
  const code = codeIn(text);
  const modules = new Map(patched.map(({ objname, module }) => [objname, module]));
  const objects = [...modules].map(([objname, module]) => callbackUnit(file, tree, objname, module));
  const { hooks, callbacks } = hooksIn(code, [...modules.keys()], place.file);
  await writeFile(join(dir, 'llpatch.h'), header);
  await copyFile(file, join(dir, 'callbacks_user.c'));
  const shims = hooks.flatMap(({ name, shim, type }) => [
    `${type} ${shim}(struct klp_object *obj);`,
    `${type} ${shim}(struct klp_object *obj) { ${type === 'int' ? 'return ' : ''}${name}(obj); }`,
  ]);
  const source = ['#include <linux/livepatch.h>', '#include "callbacks_user.c"', ...shims, ''].join('\n');
  await writeFile(join(dir, 'callbacks.c'), source);
  const recipe = await readModuleRecipe(tree);
  const link = { tree, recipe, dir, ...(signal ? { signal } : {}) };
  const path = await compileModuleSource(link, 'livepatch', 'callbacks', recipe.callChecks).catch(
    (error: unknown) => {
      if (!(error instanceof KlpError) || error.code !== 'module-link-failed') throw error;
      throw notCompiled(error, join(dir, 'callbacks_user.c'), place.file);
    },
  );
  await runObjtool(link, path);
  const elf = readElf(await readFile(path), 'callbacks.o');
  const sourceOf = sourceReader(tree);
  const { sources, findings } = await callbackSymbols(elf, {
    file: basename(file),
    text: code,
    objects,
    objectsOf: objects.length > 1 ? await objectsByUse(link, objects, callbacks) : () => objects,
    unitsOf: async (source) => {
      if ((await sourceOf(source)) === undefined)
        throw new KlpError('not-built', `the kernel's source has no file ${source}`);
      return unitsFor(tree, [source]);
    },
    symbols,
    provided,
    ir: await callbackIr(link),
  });
  const object = { unit: callbackUnit(file, tree, 'vmlinux'), path, symbols: sources };
  return { object, callbacks, findings };
}

/**
 * A failed compilation, told of the user's own file.
 * @param copy the path of its copy, which the compiler read
 */
export function notCompiled({ detail }: KlpError, copy: string, file: string): KlpError {
  const output = (detail.output ?? '')
    .replaceAll(copy, file)
    .replace(/^In file included from .*callbacks\.c:\d+:\n/gm, '');
  const first = firstDiagnostic(output);
  const at = first?.file === file ? { line: first.line } : {};
  const message = `${file} does not compile${first === undefined ? '' : `: ${first.message}`}`;
  return new KlpError('callbacks-unusable', message, { ...detail, output, file, ...at });
}

/** The callbacks' code as LLVM IR. */
async function callbackIr(link: LinkContext): Promise<IrModule> {
  await writeFile(join(link.dir, 'callbacks_ir.c'), '#include "callbacks.c"\n');
  const options = [...link.recipe.callChecks, '-S', '-emit-llvm'];
  const path = await compileModuleSource(link, 'livepatch', 'callbacks_ir', options);
  return parseModule(await readFile(path, 'utf8'), 'the callbacks');
}

/** Compiles the callbacks once more, each function apart, and sees which of them use a symbol. */
async function objectsByUse(
  link: LinkContext,
  objects: readonly TranslationUnit[],
  callbacks: readonly ObjectCallbacks[],
): Promise<(symbolName: string) => readonly TranslationUnit[]> {
  await writeFile(join(link.dir, 'callbacks_apart.c'), '#include "callbacks.c"\n');
  const options = [...link.recipe.callChecks, '-ffunction-sections', '-fdata-sections'];
  const path = await compileModuleSource(link, 'livepatch', 'callbacks_apart', options);
  const reached = reachedFrom(readElf(await readFile(path), 'callbacks.o'), callbacks.flatMap(shimsOf));
  return (symbolName) => {
    const from = reached.get(symbolName);
    const names = callbacks.filter((c) => shimsOf(c).some((shim) => from?.has(shim)));
    const users = objects.filter((unit) => names.some(({ objname }) => objname === unit.objname));
    // Code that no callback reaches may be called in some other way.
    return users.length > 0 ? users : objects;
  };
}

/** C source with nothing in place of comments and literals but the ends of their lines. */
export function codeIn(text: string): string {
  // Literals first: what looks like the start of a comment in one ("/sys/*") is none.
  const noCode = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|\/\*[\s\S]*?\*\/|\/\/.*$/gm;
  return text.replace(noCode, (part) => part.replace(/[^\n]/g, ''));
}

/** The callbacks' object as part of an object that they run for: it sees what code of that sees. */
function callbackUnit(file: string, tree: KernelTree, objname: string, module?: string): TranslationUnit {
  return {
    source: basename(file),
    object: 'callbacks.o',
    objname,
    ...(module === undefined ? {} : { module }),
    compile: [],
    cwd: tree.dir,
    dependencies: [],
  };
}

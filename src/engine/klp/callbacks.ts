import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import { unitsFor } from '../kernel/units.js';
import { readElf } from '../elf/read.js';
import type { Provided } from '../provide.js';
import type { GeneratedObject, KernelTree, TranslationUnit } from '../types.js';
import { callbackSymbols, header } from './callback-symbols.js';
import { compileModuleSource, runObjtool } from './link.js';
import { readModuleRecipe } from './recorded.js';
import type { ObjectCallbacks } from './wrapper.js';

/** The user's functions, by the names that LLpatch gave them, and what they are in `struct klp_callbacks`. */
const hooks = [
  ['prePatch', 'pre_patch_callback', 'int'],
  ['postPatch', 'post_patch_callback', 'void'],
  ['preUnpatch', 'pre_unpatch_callback', 'void'],
  ['postUnpatch', 'post_unpatch_callback', 'void'],
] as const;

export interface CallbackObject {
  object: GeneratedObject;
  callbacks: ObjectCallbacks[];
}

/**
 * Compiles a C file with functions that run around patching (`int pre_patch_callback(struct klp_object *)`, and
 * `post_patch_`, `pre_unpatch_`, `post_unpatch_callback` without a result); they are called for every patched object.
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
  const code = withoutComments(text);
  const found = hooks.filter(([, name]) => new RegExp(`\\b${name}\\s*\\(`).test(code));
  if (found.length === 0) {
    throw new KlpError('callbacks-unusable', `${basename(file)} defines no callback function`, place);
  }
  await writeFile(join(dir, 'llpatch.h'), header);
  await copyFile(file, join(dir, 'callbacks_user.c'));
  const shims = found.map(([, name, type]) =>
    type === 'int'
      ? `int klp_call_${name}(struct klp_object *obj) { return ${name}(obj); }`
      : `void klp_call_${name}(struct klp_object *obj) { ${name}(obj); }`,
  );
  const prototypes = found.map(([, name, type]) => `${type} klp_call_${name}(struct klp_object *obj);`);
  await writeFile(
    join(dir, 'callbacks.c'),
    ['#include <linux/livepatch.h>', '#include "callbacks_user.c"', ...prototypes, ...shims, ''].join('\n'),
  );
  const recipe = await readModuleRecipe(tree);
  const link = { tree, recipe, dir, ...(signal ? { signal } : {}) };
  const path = await compileModuleSource(link, 'livepatch', 'callbacks', recipe.callChecks).catch(
    (error: unknown) => {
      const detail = error instanceof KlpError ? error.detail : {};
      throw new KlpError('callbacks-unusable', `${basename(file)} does not compile`, { ...detail, ...place });
    },
  );
  await runObjtool(link, path);
  const modules = new Map(patched.map(({ objname, module }) => [objname, module]));
  const objects = [...modules].map(([objname, module]) => callbackUnit(file, tree, objname, module));
  const vmlinux = callbackUnit(file, tree, 'vmlinux');
  const [home = vmlinux, ...others] = objects;
  const used = await callbackSymbols(readElf(await readFile(path), 'callbacks.o'), {
    file: basename(file),
    text: code,
    objects,
    unitsOf: (source) => unitsFor(tree, [source]),
    symbols,
    provided,
  });
  return {
    // Where there are several objects, it uses symbols of vmlinux alone.
    object: { unit: others.length === 0 ? home : vmlinux, path, symbols: used },
    callbacks: objects.map(({ objname }) => ({
      objname,
      ...Object.fromEntries(found.map(([key, name]) => [key, `klp_call_${name}`])),
    })),
  };
}

/** The text with nothing in place of comments but the ends of their lines. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ''));
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

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelSymbols } from '../kernel/symbols.js';
import { unitsFor } from '../kernel/units.js';
import type { GeneratedObject, KernelTree, SymbolSource, TranslationUnit } from '../types.js';
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

/** `#include "llpatch.h"` of a callbacks file: symbols of the kernel that no header offers. */
const header = `#pragma once
/* LLPATCH_DECLARE_SYMBOL(TYPE, ALIAS, PATH, NAME): the variable NAME that the kernel's source PATH defines, static or not. */
#define LLPATCH_DECLARE_SYMBOL(type, alias, path, name) extern type __llpatch_symbol_##alias
#define LLPATCH_SYMBOL(alias) __llpatch_symbol_##alias
`;

const declaration = /\bLLPATCH_DECLARE_SYMBOL\s*\(([^;]*)\)\s*;/g;

export interface CallbackObject {
  object: GeneratedObject;
  callbacks: ObjectCallbacks[];
}

/**
 * Compiles a C file with functions that run around patching (`int pre_patch_callback(struct klp_object *)`, and
 * `post_patch_`, `pre_unpatch_`, `post_unpatch_callback` without a result); they are called for every patched object.
 * @param file the user's file (absolute)
 * @param objnames the objects that the livepatch patches
 * @param dir a scratch folder (absolute)
 * @throws KlpError `callbacks-unusable` when it cannot be read, has none of the functions or does not compile; what
 *   the symbol tables throw for a symbol that is not there
 */
export async function compileCallbacks(
  file: string,
  tree: KernelTree,
  symbols: KernelSymbols,
  objnames: readonly string[],
  dir: string,
  signal?: AbortSignal,
): Promise<CallbackObject> {
  const place = { file: basename(file) };
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KlpError('callbacks-unusable', `${file} cannot be read`, { ...place, cause });
  });
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
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
  const home = objnames.find((o) => o !== 'vmlinux') ?? 'vmlinux';
  return {
    object: {
      unit: callbackUnit(file, tree, home),
      path,
      symbols: await declaredSymbols(code, tree, symbols, place),
    },
    callbacks: objnames.map((objname) => ({
      objname,
      ...Object.fromEntries(found.map(([key, name]) => [key, `klp_call_${name}`])),
    })),
  };
}

/** The callbacks' object belongs to no unit of the kernel; it sees what code of the patched object sees. */
function callbackUnit(file: string, tree: KernelTree, objname: string): TranslationUnit {
  return {
    source: basename(file),
    object: 'callbacks.o',
    objname,
    compile: [],
    cwd: tree.dir,
    dependencies: [],
  };
}

async function declaredSymbols(
  code: string,
  tree: KernelTree,
  symbols: KernelSymbols,
  place: { file: string },
): Promise<Map<string, SymbolSource>> {
  const wanted = new Map<string, SymbolSource>();
  for (const [, list = ''] of code.matchAll(declaration)) {
    const [name, path, alias] = list
      .split(',')
      .map((part) => part.trim())
      .reverse();
    if (name === undefined || path === undefined || alias === undefined) {
      throw new KlpError(
        'callbacks-unusable',
        `LLPATCH_DECLARE_SYMBOL(${list}) needs a type, an alias, a path and a name`,
        place,
      );
    }
    const [unit] = await unitsFor(tree, [path]);
    if (!unit) throw new KlpError('callbacks-unusable', `${path} is not part of this kernel`, place);
    wanted.set(`__llpatch_symbol_${alias}`, symbols.resolveLocal(unit, name));
  }
  return wanted;
}

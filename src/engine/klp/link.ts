import { writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { run } from '../../shared/run.js';
import type { KernelTree } from '../types.js';
import type { ModuleRecipe } from './recorded.js';

export interface LinkContext {
  tree: KernelTree;
  recipe: ModuleRecipe;
  /** A scratch folder (absolute) of the caller's. */
  dir: string;
  signal?: AbortSignal;
}

/**
 * Compiles a C file of a module with the command that the kernel build recorded for a `.mod.c`.
 * @param module the module's name, as KBUILD_MODNAME
 * @param base the file's name in the scratch folder without `.c`, as KBUILD_BASENAME
 * @param extra options added at the end
 * @returns the object's path
 */
export async function compileModuleSource(
  context: LinkContext,
  module: string,
  base: string,
  extra: readonly string[] = [],
): Promise<string> {
  const { recipe, dir } = context;
  const object = join(dir, `${base}.o`);
  // Our own text needs no warnings, and debug information must not tell the name of the scratch folder.
  const options = [...extra, '-w', `-ffile-prefix-map=${dir}/=`];
  const argv = compileArgv(recipe.compile, {
    module,
    base,
    extra: options,
    object,
    source: join(dir, `${base}.c`),
  });
  await runStep(context, argv, 'could not be compiled');
  return object;
}

/** The recorded compilation with another source, output and name; what it would write elsewhere is left out. */
export function compileArgv(
  recorded: readonly string[],
  to: { module: string; base: string; extra: readonly string[]; object: string; source: string },
): string[] {
  const names: Record<string, string> = {
    '-DKBUILD_BASENAME=': `"${to.base}"`,
    '-DKBUILD_MODNAME=': `"${to.module}"`,
    '-DKBUILD_MODFILE=': `"${to.module}"`,
    '-D__KBUILD_MODNAME=': `kmod_${to.module}`,
  };
  const options = recorded.slice(0, -1).flatMap((argument, i) => {
    if (argument.startsWith('-Wp,-M') || argument === '-o' || recorded[i - 1] === '-o') return [];
    const define = Object.keys(names).find((prefix) => argument.startsWith(prefix));
    return [define === undefined ? argument : `${define}${names[define] ?? ''}`];
  });
  return [...options, ...to.extra, '-o', to.object, to.source];
}

/** Runs objtool over an object as the kernel build did over a module's; does nothing where there is none. */
export async function runObjtool(context: LinkContext, object: string): Promise<void> {
  const { objtool } = context.recipe;
  if (objtool !== undefined) await runStep(context, [...objtool, object], 'was refused by objtool');
}

/** Links objects into one relocatable object, without the layout of a final module. */
export async function linkObjects(
  context: LinkContext,
  objects: readonly string[],
  output: string,
): Promise<void> {
  await runStep(context, partialLinkArgv(context.recipe.link, objects, output), 'could not be linked');
}

/** The recorded final link as a plain `ld -r` of other objects: no linker script, no build id. */
export function partialLinkArgv(
  recorded: readonly string[],
  objects: readonly string[],
  output: string,
): string[] {
  const kept = recorded.filter((argument, i) => {
    const isValue = recorded[i - 1] === '-o' || recorded[i - 1] === '-T';
    return !isValue && !['-o', '-T'].includes(argument) && !/^--build-id|\.o$/.test(argument);
  });
  return [...kept, '-o', output, ...objects];
}

/** Runs modpost over `<dir>/<base>.o` and so makes `<dir>/<base>.mod.c`. */
export async function runModpost(context: LinkContext, base: string): Promise<void> {
  const { recipe, dir } = context;
  const order = join(dir, 'modules.order');
  await Promise.all([
    writeFile(order, `${join(dir, base)}.o\n`),
    // modpost takes checksums of exported symbols from the .cmd files of the objects listed here: there are none.
    writeFile(join(dir, `${base}.mod`), ''),
  ]);
  await runStep(context, modpostArgv(recipe.modpost, order, join(dir, 'symvers')), 'was refused by modpost');
}

/**
 * The recorded modpost of the kernel for one module outside it (scripts/Makefile.modpost): `-e`, with the kernel's
 * exports as input. Symbols that only the livepatch loader resolves are unknown to it, hence `-w`; `check` looks at them
 * later. Source checksums (`-a`) and trimming (`-t`, `-u`) have no meaning here.
 */
export function modpostArgv(recorded: readonly string[], order: string, output: string): string[] {
  const withValue = ['-o', '-T', '-i', '-u', '-d'];
  const kept = recorded.filter((argument, i) => {
    if (i === 0) return true;
    if (withValue.includes(recorded[i - 1] ?? '')) return false;
    return argument.startsWith('-') && ![...withValue, '-a', '-t'].includes(argument);
  });
  return [...kept, '-e', '-w', '-i', 'Module.symvers', '-o', output, '-T', order];
}

/** Links the final module from all its objects, as the kernel build linked its own. */
export async function linkModule(
  context: LinkContext,
  objects: readonly string[],
  output: string,
): Promise<void> {
  const { link, linkInputs } = context.recipe;
  await runStep(context, moduleLinkArgv(link, linkInputs, objects, output), 'could not be linked');
}

/** The recorded final link with other objects in place of the module's own. */
export function moduleLinkArgv(
  recorded: readonly string[],
  inputs: ModuleRecipe['linkInputs'],
  objects: readonly string[],
  output: string,
): string[] {
  return recorded.flatMap((argument, i) => {
    if (recorded[i - 1] === '-o') return [output];
    if (argument === inputs.object) return objects;
    return argument === inputs.modObject ? [] : [argument];
  });
}

async function runStep({ tree, signal }: LinkContext, argv: readonly string[], what: string): Promise<void> {
  const [program = '', ...rest] = argv;
  // Programs of the tree are recorded relative to it.
  const file = program.includes('/') && !isAbsolute(program) ? join(tree.dir, program) : program;
  await run([file, ...rest], {
    cwd: tree.dir,
    failure: 'module-link-failed',
    message: `the livepatch module ${what}`,
    ...(signal ? { signal } : {}),
  });
}

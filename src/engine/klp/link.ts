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
 * @param base the file's name without `.c`, as KBUILD_BASENAME
 * @param extra options added at the end
 */
export async function compileModuleSource(
  context: LinkContext,
  module: string,
  base: string,
  extra: readonly string[] = [],
): Promise<string> {
  const { recipe, dir, tree } = context;
  const object = join(dir, `${base}.o`);
  const argv = recipe.compile.flatMap((argument, i) => {
    const before = recipe.compile[i - 1];
    if (argument.startsWith('-Wp,-M')) return [];
    if (argument === '-o' || before === '-o') return [];
    if (i === recipe.compile.length - 1) return [];
    if (argument.startsWith('-DKBUILD_BASENAME=')) return [`-DKBUILD_BASENAME="${base}"`];
    if (argument.startsWith('-DKBUILD_MODNAME=')) return [`-DKBUILD_MODNAME="${module}"`];
    if (argument.startsWith('-D__KBUILD_MODNAME=')) return [`-D__KBUILD_MODNAME=kmod_${module}`];
    if (argument.startsWith('-DKBUILD_MODFILE=')) return [`-DKBUILD_MODFILE="${module}"`];
    return [argument];
  });
  await runStep(
    context,
    [...argv, ...extra, '-o', object, join(dir, `${base}.c`)],
    'could not be compiled',
    tree.dir,
  );
  return object;
}

/** Runs objtool over an object as the kernel build did over a module's; does nothing where there is none. */
export async function runObjtool(context: LinkContext, object: string): Promise<void> {
  const { recipe, tree } = context;
  if (recipe.objtool === undefined) return;
  await runStep(context, [...recipe.objtool, object], 'was refused by objtool', tree.dir);
}

/** Links objects into one relocatable object, without the layout of a final module. */
export async function linkObjects(
  context: LinkContext,
  objects: readonly string[],
  output: string,
): Promise<void> {
  const { recipe, tree } = context;
  const options: string[] = [];
  for (let i = 1; i < recipe.link.length; i++) {
    const argument = recipe.link[i] ?? '';
    if (argument === '-o' || argument === '-T') i++;
    else if (!argument.startsWith('--build-id') && !argument.endsWith('.o')) options.push(argument);
  }
  await runStep(
    context,
    [recipe.link[0] ?? '', ...options, '-o', output, ...objects],
    'could not be linked',
    tree.dir,
  );
}

/**
 * Runs modpost over `<dir>/<base>.o` and so makes `<dir>/<base>.mod.c`.
 * Symbols that only the livepatch loader resolves are unknown to it, hence `-w`; `check` looks at them later.
 */
export async function runModpost(context: LinkContext, base: string): Promise<void> {
  const { recipe, tree, dir } = context;
  const options: string[] = [];
  for (let i = 1; i < recipe.modpost.length; i++) {
    const argument = recipe.modpost[i] ?? '';
    if (['-o', '-T', '-i', '-u', '-d'].includes(argument)) i++;
    else if (argument.startsWith('-') && argument !== '-a' && argument !== '-t') options.push(argument);
  }
  const order = join(dir, 'modules.order');
  await Promise.all([
    writeFile(order, `${join(dir, base)}.o\n`),
    // modpost takes checksums of exported symbols from the .cmd files of the objects listed here: there are none.
    writeFile(join(dir, `${base}.mod`), ''),
  ]);
  const program = recipe.modpost[0] ?? '';
  const argv = [
    program,
    ...options,
    '-e',
    '-w',
    '-i',
    'Module.symvers',
    '-o',
    join(dir, 'symvers'),
    '-T',
    order,
  ];
  await runStep(context, argv, 'was refused by modpost', tree.dir);
}

/** Links the final module from all its objects, as the kernel build linked its own. */
export async function linkModule(
  context: LinkContext,
  objects: readonly string[],
  output: string,
): Promise<void> {
  const { recipe, tree } = context;
  const argv = recipe.link.flatMap((argument, i) => {
    if (recipe.link[i - 1] === '-o') return [output];
    if (argument === recipe.linkInputs.object) return objects;
    return argument === recipe.linkInputs.modObject ? [] : [argument];
  });
  await runStep(context, argv, 'could not be linked', tree.dir);
}

async function runStep(
  context: LinkContext,
  argv: readonly string[],
  what: string,
  cwd: string,
): Promise<void> {
  const [program = '', ...rest] = argv;
  // Programs of the tree are recorded relative to it.
  const file = program.includes('/') && !isAbsolute(program) ? join(cwd, program) : program;
  await run([file, ...rest], {
    cwd,
    failure: 'module-link-failed',
    message: `the livepatch module ${what}`,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { parseCmdFile } from '../kernel/cmd.js';
import { withoutWrapper } from '../kernel/compiler.js';
import { splitCommands } from '../kernel/shell-words.js';
import type { KernelTree } from '../types.js';

/** What the kernel build recorded of how it makes a module; argument vectors as they ran in `tree.dir`. */
export interface ModuleRecipe {
  /** Compiles a `.mod.c`. */
  compile: string[];
  /** Compiler options for indirect-call checks, which `.mod.c` files are compiled without. */
  callChecks: string[];
  /** objtool without its object; absent where the architecture has none. */
  objtool?: string[];
  /** Links the final .ko. */
  link: string[];
  /** The module's own object among the inputs of `link`, and its `.mod.o`. */
  linkInputs: { object: string; modObject: string };
  /** modpost over the whole kernel. */
  modpost: string[];
  /** A module of the kernel build, relative to the tree. */
  sample: string;
}

/**
 * Reads the recipe from the first module that the kernel build made.
 * @throws build-record-missing
 */
export async function readModuleRecipe(tree: KernelTree): Promise<ModuleRecipe> {
  const order = await record(tree, 'modules.order');
  const first = order
    .split('\n')[0]
    ?.trim()
    .replace(/\.k?o$/, '');
  if (first === undefined || first === '') throw missing(tree, 'modules.order', 'names no module');
  const object = `${first}.o`;
  const modObject = `${first}.mod.o`;
  const [compile, link, modpost, own, members] = await Promise.all([
    savedCommand(tree, modObject),
    savedCommand(tree, `${first}.ko`),
    savedCommand(tree, 'Module.symvers'),
    savedCommand(tree, object),
    record(tree, `${first}.mod`),
  ]);
  const member = members.split(/\s+/)[0] ?? '';
  const memberCommand = member === '' || member === object ? own : await savedCommand(tree, member);
  const objtool = [...own, ...memberCommand].find((argv) => basename(argv[0] ?? '') === 'objtool');
  const linkArgv = program(link, tree, `${first}.ko`);
  return {
    compile: program(compile, tree, modObject),
    callChecks: (memberCommand[0] ?? []).filter((a) => /^-fsanitize(=kcfi|-cfi-|-kcfi-)/.test(a)),
    ...(objtool ? { objtool: objtool.slice(0, -1) } : {}),
    link: linkArgv,
    linkInputs: { object, modObject },
    modpost: program(modpost, tree, 'Module.symvers'),
    sample: `${first}.ko`,
  };
}

function program(commands: readonly string[][], tree: KernelTree, target: string): string[] {
  const first = withoutWrapper(commands[0] ?? []);
  if (first.length === 0) throw missing(tree, target, 'recorded no command');
  return first;
}

/** The commands that the build recorded for a target, in order. */
async function savedCommand(tree: KernelTree, target: string): Promise<string[][]> {
  const file = join(dirname(target), `.${basename(target)}.cmd`);
  const { command } = parseCmdFile(file, await record(tree, file));
  // Until Linux 6.1 modpost reads the list of modules from a pipe.
  const from = command.search(/\S*scripts\/mod\/modpost /);
  return splitCommands(from < 0 ? command : command.slice(from), (why) =>
    missing(tree, file, `holds ${why}`),
  );
}

async function record(tree: KernelTree, file: string): Promise<string> {
  try {
    return await readFile(join(tree.dir, file), 'utf8');
  } catch (cause) {
    throw missing(tree, file, 'cannot be read', cause);
  }
}

function missing(tree: KernelTree, file: string, what: string, cause?: unknown): KlpError {
  return new KlpError('build-record-missing', `${join(tree.dir, file)} ${what}`, { file, cause });
}

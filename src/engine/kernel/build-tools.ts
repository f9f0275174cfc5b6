import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { isFile } from '../../shared/kernel-tree.js';
import { run } from '../../shared/run.js';

/** Programs that the kernel build made for itself and that a livepatch is made with too. */
const tools = ['tools/objtool/objtool', 'scripts/mod/modpost'];

/** What the dynamic loader says of a program that was made on a system with other libraries. */
const otherLibraries = /error while loading shared libraries|not found \(required by/;

/**
 * Checks that the programs of the kernel build run here: a tree that was built on another system brings its own.
 * Called without arguments, each tells its usage, or does nothing.
 * @throws KlpError `build-tool-unusable`
 */
export async function checkBuildTools(root: string): Promise<void> {
  for (const tool of tools) {
    const path = join(root, tool);
    if (!(await isFile(path))) continue;
    const message = `${path} cannot be started here`;
    const { stderr } = await run([path], {
      cwd: root,
      okCodes: [0, 1, 129],
      failure: 'build-tool-unusable',
      message,
      timeoutMs: 60_000,
    });
    if (otherLibraries.test(stderr)) throw new KlpError('build-tool-unusable', message, { output: stderr });
  }
}

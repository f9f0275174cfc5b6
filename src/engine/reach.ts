import { sep } from 'node:path';
import { asKlpError } from '../shared/errors.js';
import type { Reach } from '../shared/result.js';
import { noUnit } from './kernel/no-unit.js';
import { elsewhere } from './kernel/preflight.js';
import { openKernel } from './kernel/tree.js';
import { unitsByPath } from './kernel/units.js';
import type { KernelTree, TranslationUnit } from './types.js';

/**
 * What the kernel's build made of source files: how many objects read each one, and, of those that none reads, why.
 * One pass over the records of the build answers for any number of files.
 * @param paths relative to the source tree
 * @throws KlpError: the tree is no built kernel, or its records cannot be read
 */
export async function reachOf(kernelDir: string, paths: readonly string[]): Promise<Reach[]> {
  const tree = await openKernel(kernelDir);
  const found = await unitsByPath(tree, paths);
  const asked = new Set(paths);
  return await Promise.all(paths.map((path) => reachOfFile(tree, path, found.get(path) ?? [], asked)));
}

async function reachOfFile(
  tree: KernelTree,
  path: string,
  units: readonly TranslationUnit[],
  asked: ReadonlySet<string>,
): Promise<Reach> {
  if (units.length > 0) {
    const readers = [...new Set(units.map((unit) => unit.source))].filter((source) => asked.has(source));
    return { path, objects: new Set(units.map((unit) => unit.object)).size, readers };
  }
  const other = elsewhere(path, tree.arch);
  if (other !== undefined)
    return { path, objects: 0, readers: [], code: 'not-built', message: `${path}: ${other}` };
  // Only what is compiled by itself has an object whose absence needs a reason, and a header what reads it elsewhere.
  if (!/\.[chS]$/.test(path) || path.split(sep).includes('..')) return { path, objects: 0, readers: [] };
  const { code, message } = asKlpError(await noUnit(tree, path));
  if (path.endsWith('.h') && code === 'not-built') return { path, objects: 0, readers: [] };
  return { path, objects: 0, readers: [], code, message };
}

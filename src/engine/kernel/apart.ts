import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { archData } from '../../shared/catalog.js';
import type { KernelTree, TranslationUnit } from '../types.js';
import { cmdPathOf, parseCmdFile, recordedCompilation, type CmdFile } from './cmd.js';
import { sourcePaths, usedObjects } from './units.js';

interface ApartObject {
  cmd: CmdFile;
  object: string;
  /** The object's own source first. */
  dependencies: string[];
}

/** Why no livepatch reaches what such an object or script is. */
export function whyApart(object: string): string {
  return object.endsWith('/vmlinux.lds')
    ? 'which the kernel was linked by'
    : 'which is linked apart from the kernel';
}

const cache = new WeakMap<KernelTree, Promise<ApartObject[]>>();

/**
 * What the build made of the given files that no livepatch reaches: images of their own that the running kernel holds and
 * hands out (the vDSO, which runs in programs; code for processors that start; what kexec runs), and the scripts by which
 * it was linked. The loader (`boot`) has run.
 * @param paths relative to the source tree
 */
export async function objectsApart(tree: KernelTree, paths: readonly string[]): Promise<ApartObject[]> {
  const all = cache.get(tree) ?? findApart(tree);
  cache.set(tree, all);
  return (await all).filter(({ dependencies }) => paths.some((path) => dependencies.includes(path)));
}

/**
 * The same as units; `objname` is empty.
 * @throws KlpError `cmd-file-unusable`
 */
export async function unitsApart(tree: KernelTree, paths: readonly string[]): Promise<TranslationUnit[]> {
  return (await objectsApart(tree, paths)).map(({ cmd, object, dependencies }) => {
    const { compile } = recordedCompilation(cmd);
    return { source: dependencies[0] ?? '', object, objname: '', compile, cwd: tree.dir, dependencies };
  });
}

async function findApart(tree: KernelTree): Promise<ApartObject[]> {
  const top = join('arch', archData(tree.arch).kernelArch);
  const used = await usedObjects(tree);
  const toSourcePath = sourcePaths(tree);
  const found: ApartObject[] = [];
  for (const name of await readdir(join(tree.dir, top), { recursive: true }).catch(() => [])) {
    const object = join(top, name.replace(/(^|\/)\.([^/]+)\.cmd$/, '$1$2'));
    if (!/\.(?:o|lds)\.cmd$/.test(name) || used.has(object) || object.includes('/boot/')) continue;
    const record = cmdPathOf(object);
    const cmd = parseCmdFile(record, await readFile(join(tree.dir, record), 'utf8'));
    if (cmd.source === undefined) continue;
    const dependencies = [...new Set([cmd.source, ...cmd.dependencies].map(toSourcePath))];
    found.push({ cmd, object, dependencies });
  }
  return found;
}

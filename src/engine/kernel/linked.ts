import { readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelTree } from '../types.js';
import { thinArchiveMembers } from './archive.js';

/** What an object was linked into: vmlinux, or the module whose .ko (relative to the build tree) is given. */
export interface LinkTarget {
  objname: string;
  module?: string;
}

const cache = new WeakMap<KernelTree, Promise<Map<string, LinkTarget[]>>>();

/**
 * Every object that is part of the kernel or of one of its modules, path relative to the build tree, to what it
 * was linked into. Read from the archives and module lists that the build linked, not from where objects lie.
 * @throws KlpError `kernel-not-built`
 */
export function linkedObjects(tree: KernelTree): Promise<Map<string, LinkTarget[]>> {
  let found = cache.get(tree);
  if (!found) {
    found = findLinked(tree);
    cache.set(tree, found);
  }
  return found;
}

async function findLinked(tree: KernelTree): Promise<Map<string, LinkTarget[]>> {
  const linked = new Map<string, LinkTarget[]>();
  const add = (object: string, target: LinkTarget): void => {
    const targets = linked.get(object);
    if (targets) targets.push(target);
    else linked.set(object, [target]);
  };
  const vmlinux = new Set<string>();
  for (const archive of await vmlinuxArchives(tree)) {
    for (const member of await thinArchiveMembers(archive)) vmlinux.add(relative(tree.dir, member));
  }
  for (const object of vmlinux) add(object, { objname: 'vmlinux' });
  for (const base of await moduleBases(tree)) {
    const objname = basename(base).replaceAll('-', '_');
    for (const object of await moduleObjects(tree, base)) add(object, { objname, module: `${base}.ko` });
  }
  return linked;
}

/** The archives that the link of vmlinux named: vmlinux.a since Linux 6.1, and libraries that stand beside it. */
async function vmlinuxArchives(tree: KernelTree): Promise<string[]> {
  const command = await readOptional(join(tree.dir, '.vmlinux.o.cmd'));
  const named = new Set(command?.match(/(?<=\s)[^\s:=]+\.a(?=\s|$)/g) ?? []);
  if (named.size === 0) {
    throw new KlpError(
      'kernel-not-built',
      `${tree.dir}/.vmlinux.o.cmd does not say which archives vmlinux was linked from`,
      { advice: 'Use a kernel of Linux 6.1 or later, built in this folder and not cleaned since.' },
    );
  }
  return [...named].map((path) => join(tree.dir, path));
}

/** Modules without their suffix: modules.order names X.o since Linux 6.3, X.ko before. */
async function moduleBases(tree: KernelTree): Promise<string[]> {
  const order = (await readOptional(join(tree.dir, 'modules.order'))) ?? '';
  return order.split('\n').flatMap((line) => {
    const path = line.trim();
    return path === '' ? [] : [path.replace(/\.k?o$/, '')];
  });
}

/** X.mod lists the objects of X.ko, by line or (before Linux 5.19) in one line. */
async function moduleObjects(tree: KernelTree, base: string): Promise<string[]> {
  const text = await readOptional(join(tree.dir, `${base}.mod`));
  if (text === undefined) {
    throw new KlpError(
      'kernel-not-built',
      `${tree.dir} has no ${base}.mod although modules.order names the module`,
    );
  }
  return text.split(/\s+/).filter((word) => word.endsWith('.o'));
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** @throws KlpError `kernel-not-built` when the module that a unit belongs to was not linked */
export async function checkModuleBuilt(tree: KernelTree, module: string): Promise<void> {
  const built = await stat(join(tree.dir, module)).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (built) return;
  throw new KlpError('kernel-not-built', `${module} was not built in ${tree.dir}`, {
    file: module,
    advice: 'Run `make modules` in the kernel tree.',
  });
}

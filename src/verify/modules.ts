import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KlpError } from '../shared/errors.js';

/** Loadable modules of one kernel: paths are relative to `/lib/modules/<release>`. */
export interface ModuleTree {
  /** `<modulesDir>/lib/modules/<release>` on this machine. */
  dir: string;
  /** Module name (underscores) to path. */
  paths: ReadonlyMap<string, string>;
  /** Path to the paths it needs, as modules.dep lists them: the nearest first. */
  needs: ReadonlyMap<string, readonly string[]>;
  /** Module name to modules that should be there before it, from modules.softdep. */
  soft: ReadonlyMap<string, readonly string[]>;
}

/** A module's name as the kernel shows it, from its file name. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.(gz|xz|zst))?$/, '')
    .replaceAll('-', '_');
}

/**
 * Reads modules.dep and modules.softdep of an installed module tree.
 * @throws KlpError `boot-assets-incomplete` when the kernel's modules are not there.
 */
export async function readModuleTree(modulesDir: string, release: string): Promise<ModuleTree> {
  const dir = join(modulesDir, 'lib/modules', release);
  const dep = await readFile(join(dir, 'modules.dep'), 'utf8').catch((cause: unknown) => {
    throw new KlpError('boot-assets-incomplete', `the modules of kernel ${release} are not installed`, {
      file: join(dir, 'modules.dep'),
      cause,
    });
  });
  const softdep = await readFile(join(dir, 'modules.softdep'), 'utf8').catch(() => '');
  return { dir, ...parseModulesDep(dep), soft: parseSoftdep(softdep) };
}

/** modules.dep: `path: path path ...`, one module a line. */
export function parseModulesDep(text: string): Pick<ModuleTree, 'paths' | 'needs'> {
  const paths = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const path = line.slice(0, colon);
    paths.set(moduleName(path), path);
    needs.set(
      path,
      line
        .slice(colon + 1)
        .split(/\s+/)
        .filter(Boolean),
    );
  }
  return { paths, needs };
}

/** modules.softdep: `softdep NAME pre: A B post: C`; only what comes before matters here. */
export function parseSoftdep(text: string): Map<string, string[]> {
  const soft = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const words = line.split(/\s+/).filter(Boolean);
    if (words[0] !== 'softdep' || words[1] === undefined) continue;
    const from = words.indexOf('pre:');
    if (from < 0) continue;
    const after = words.slice(from + 1);
    const end = after.findIndex((word) => word.endsWith(':'));
    soft.set(words[1].replaceAll('-', '_'), end < 0 ? after : after.slice(0, end));
  }
  return soft;
}

/**
 * The paths to load so that the named modules are there, each after what it needs. Names the tree does not
 * have are returned in `missing`.
 */
export function loadOrder(
  tree: ModuleTree,
  names: readonly string[],
): { order: string[]; missing: string[] } {
  const order: string[] = [];
  const missing: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    // modules.dep lists all that is needed, directly or not; the last is the deepest.
    for (const needed of [...(tree.needs.get(path) ?? [])].reverse()) visit(needed);
    order.push(path);
  };
  for (const name of names) {
    const known = name.replaceAll('-', '_');
    const path = tree.paths.get(known);
    if (path === undefined) {
      missing.push(name);
      continue;
    }
    for (const soft of tree.soft.get(known) ?? []) {
      const softPath = tree.paths.get(soft.replaceAll('-', '_'));
      if (softPath !== undefined) visit(softPath);
    }
    visit(path);
  }
  return { order, missing };
}

/** Size in bytes of all modules of the tree. */
export async function treeSize(tree: ModuleTree): Promise<number> {
  const sizes = await Promise.all(
    [...tree.paths.values()].map(async (p) => (await stat(join(tree.dir, p))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The text indexes beside the modules (`modules.alias` and so on), which modprobe reads in the guest. */
export async function moduleIndexes(tree: ModuleTree): Promise<string[]> {
  const names = await readdir(tree.dir);
  return names.filter((name) => name.startsWith('modules.') && !name.endsWith('.bin')).sort();
}

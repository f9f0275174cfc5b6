import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { KlpError } from '../../shared/errors.js';
import type { KernelTree, TranslationUnit } from '../types.js';
import { cmdPathOf, parseCmdFile, recordedCompilation, type CmdFile } from './cmd.js';
import { checkModuleBuilt, linkedObjects, type LinkTarget } from './linked.js';
import { noUnit } from './no-unit.js';

/**
 * The objects of vmlinux and of modules that were made from the given files, whether a file was compiled itself
 * or included; `source` may also be an assembly file that includes a header.
 * @param paths relative to the source tree
 * @returns each unit once, those of a file's own object before those that include it
 * @throws KlpError `object-not-livepatchable`, `not-built` when a path has no unit; `cmd-file-unusable`;
 *   `kernel-not-built`
 */
export async function unitsFor(tree: KernelTree, paths: readonly string[]): Promise<TranslationUnit[]> {
  const found = await unitsByPath(tree, paths);
  const units = new Map<string, TranslationUnit>();
  for (const path of paths) {
    const own = found.get(path) ?? [];
    if (own.length === 0) throw await noUnit(tree, path);
    for (const unit of own) units.set(`${unit.objname} ${unit.object}`, unit);
  }
  const isOwn = (unit: TranslationUnit): number => (paths.includes(unit.source) ? 0 : 1);
  return [...units.values()].sort((a, b) => isOwn(a) - isOwn(b));
}

const known = new WeakMap<KernelTree, Map<string, TranslationUnit[]>>();

/** Like `unitsFor`, by path, and with an empty list for a file that no object was made from. */
export async function unitsByPath(
  tree: KernelTree,
  paths: readonly string[],
): Promise<Map<string, TranslationUnit[]>> {
  const cache = known.get(tree) ?? new Map<string, TranslationUnit[]>();
  known.set(tree, cache);
  const wanted = paths.filter((path) => !cache.has(path));
  if (wanted.length > 0) {
    // Known only when all is: nobody may take a list that is still being made for an empty one.
    const { units } = await scan(tree, new Set(wanted));
    for (const path of wanted)
      cache.set(
        path,
        units.filter((unit) => unit.dependencies.includes(path)),
      );
  }
  return new Map(paths.map((path) => [path, cache.get(path) ?? []]));
}

const usedBy = new WeakMap<KernelTree, ReadonlySet<string>>();

/** Every object that the kernel and its modules are made of, also by way of others. */
export async function usedObjects(tree: KernelTree): Promise<ReadonlySet<string>> {
  return usedBy.get(tree) ?? (await scan(tree, new Set())).used;
}

/** Reads the .cmd file of every object that the kernel is made of, and keeps the units that name one of the files. */
async function scan(
  tree: KernelTree,
  wanted: ReadonlySet<string>,
): Promise<{ units: TranslationUnit[]; used: ReadonlySet<string> }> {
  // Searching the bytes for the file's name first leaves few .cmd files to be taken apart.
  const needles = [...new Set([...wanted].map((path) => basename(path)))].map((name) => Buffer.from(name));
  const toSourcePath = sourcePaths(tree);
  const read = fileReader();
  const units: TranslationUnit[] = [];
  const linked = await linkedObjects(tree);
  const open: { object: string; targets: readonly LinkTarget[]; processed?: string }[] = [];
  for (const [object, targets] of linked) open.push({ object, targets });
  const seen = new Set(linked.keys());
  let count = 0;
  for (const { object, targets, processed } of open) {
    if (++count % breath === 0) await setImmediate();
    const path = cmdPathOf(object);
    const bytes = read(join(tree.dir, path));
    if (!bytes) continue;
    if (!bytes.includes('\nsource_')) {
      // Linked from others, or made of another by a program (arm64: code that runs before the kernel is in its place).
      for (const input of inputsOf(path, bytes)) {
        if (!seen.has(input)) open.push({ object: input, targets, processed: processed ?? object });
        seen.add(input);
      }
      continue;
    }
    if (!needles.some((needle) => bytes.includes(needle))) continue;
    const cmd = parseCmdFile(path, bytes.toString('utf8'));
    if (cmd.source === undefined) continue;
    const dependencies = [...new Set([cmd.source, ...cmd.dependencies].map(toSourcePath))];
    if (!dependencies.some((dependency) => wanted.has(dependency))) continue;
    const found = await unitsOf(tree, cmd, object, targets, dependencies);
    units.push(...found.map((unit) => (processed === undefined ? unit : { ...unit, processed })));
  }
  usedBy.set(tree, seen);
  return { units, used: seen };
}

/** The objects that a recorded command without a source names, its own apart. */
function inputsOf(path: string, record: Buffer): string[] {
  const { command, target } = parseCmdFile(path, record.toString('utf8'));
  const words = command.match(/[^\s'"=;]+\.o(?=['"\s;]|$)/g) ?? [];
  return [...new Set(words)].filter((word) => word !== target);
}

/** After so many files other work of the process gets its turn, a signal for instance. */
const breath = 64;

/**
 * A reader of many small files into one buffer, which the next call overwrites; undefined when there is no such
 * file. Reading thousands of files costs a third of what readFile takes.
 */
function fileReader(): (path: string) => Buffer | undefined {
  let buffer = Buffer.allocUnsafe(1 << 20);
  return (path) => {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return undefined;
    }
    try {
      const { size } = fstatSync(file);
      if (size > buffer.length) buffer = Buffer.allocUnsafe(2 * size);
      let length = 0;
      for (let more = -1; more !== 0 && length < size; length += more) {
        more = readSync(file, buffer, length, size - length, null);
      }
      return buffer.subarray(0, length);
    } finally {
      closeSync(file);
    }
  };
}

async function unitsOf(
  tree: KernelTree,
  cmd: CmdFile,
  object: string,
  targets: readonly LinkTarget[],
  dependencies: string[],
): Promise<TranslationUnit[]> {
  const { compile, objtool, others } = recordedCompilation(cmd);
  const [other] = others;
  if (other) {
    throw new KlpError(
      'cmd-file-unusable',
      `${cmd.path} cannot be used: the build also ran ${other[0]} on the object`,
      {
        file: cmd.path,
        command: cmd.command,
      },
    );
  }
  const forModule = compile.includes('-DMODULE');
  const units: TranslationUnit[] = [];
  for (const { objname, module } of targets) {
    if (forModule !== (module !== undefined)) {
      const how = forModule ? 'for a module' : 'for vmlinux';
      throw new KlpError(
        'kernel-config-changed',
        `${object} was compiled ${how}, but linked into ${objname}`,
        {
          file: cmd.path,
        },
      );
    }
    if (module !== undefined) await checkModuleBuilt(tree, module);
    checkNotStale(tree, object, module ?? 'vmlinux');
    units.push({
      source: dependencies[0] ?? '',
      object,
      objname,
      ...(module === undefined ? {} : { module }),
      compile,
      cwd: tree.dir,
      ...(objtool ? { objtool } : {}),
      dependencies,
    });
  }
  return units;
}

/** An object that was made again after its kernel or module was linked is not the one that runs. */
function checkNotStale(tree: KernelTree, object: string, linked: string): void {
  const time = (path: string): number =>
    statSync(join(tree.dir, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (time(object) <= time(linked)) return;
  throw new KlpError('kernel-build-stale', `${object} is newer than ${linked}`, { object });
}

/** Paths as .cmd files write them to paths relative to the source tree; absolute where they lie outside it. */
export function sourcePaths(tree: KernelTree): (written: string) => string {
  const seen = new Map<string, string>();
  return (written) => {
    let path = seen.get(written);
    if (path === undefined) {
      const absolute = resolve(tree.dir, written);
      path = absolute.startsWith(tree.source + sep) ? relative(tree.source, absolute) : absolute;
      seen.set(written, path);
    }
    return path;
  };
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { buildIdOf, gnuBuildId } from '../engine/kernel/elf-notes.js';
import { openModule, openVmlinux, type KernelObject } from '../engine/kernel/kernel-object.js';
import { moduleNameOf, parseSymvers } from '../engine/kernel/symvers.js';
import { archData, supportedArchs, type ArchData } from '../shared/catalog.js';
import { parseConfig } from '../shared/kernel-config.js';
import { KlpError } from '../shared/errors.js';
import { exportsOf, moduleInfo, symbolsOf, tracesOf, vermagicOf } from './elf-sources.js';
import { readFilterFunctions, type FilterFunctions } from './filter-functions.js';
import { readKallsyms, type KallsymsFile } from './kallsyms-file.js';
import type { ExportSource, LivepatchNeeds, RunningKernel, Told } from './types.js';
import { unusable } from './unusable.js';

/** A file of the kernel: where it is, and how the user named it. */
export interface NamedFile {
  path: string;
  label: string;
}

/** What is at hand of a kernel; each file is one more witness. */
export interface KernelFiles {
  vmlinux?: NamedFile | undefined;
  /** A copy of /proc/kallsyms. */
  kallsyms?: NamedFile | undefined;
  /** .ko files. */
  modules: readonly NamedFile[];
  /** .config or /proc/config.gz. */
  config?: NamedFile | undefined;
  /** Module.symvers. */
  symvers?: NamedFile | undefined;
  /** A copy of /sys/kernel/tracing/available_filter_functions. */
  filterFunctions?: NamedFile | undefined;
  /** A copy of /sys/kernel/notes. */
  notes?: NamedFile | undefined;
}

/** Largest text file that is read, in bytes. */
const maxTextBytes = 256 * 1024 * 1024;

/**
 * Opens what there is of a kernel. Of long lists only what the livepatch needs is kept.
 * @throws KlpError `kernel-file-unusable`, `input-too-large`; the readers' own `elf-malformed` and `kernel-symbols-missing`
 *   (see `asUnusable`), also from the methods of the result
 */
export async function openRunningKernel(files: KernelFiles, needs: LivepatchNeeds): Promise<RunningKernel> {
  const vmlinux = files.vmlinux && openCompleteVmlinux(files.vmlinux);
  const modules = files.modules.map(openKnownModule);
  const objects = [...(vmlinux === undefined ? [] : [vmlinux]), ...modules];
  const kallsyms =
    files.kallsyms &&
    readKallsyms(
      (await contentOf(files.kallsyms)).toString('latin1'),
      files.kallsyms.label,
      wantedNames(needs),
    );
  const filter =
    files.filterFunctions &&
    readFilterFunctions(
      (await contentOf(files.filterFunctions)).toString('latin1'),
      files.filterFunctions.label,
    );
  const config = files.config && (await readConfig(files.config));
  const notes = files.notes && (await readNotes(files.notes));
  const symvers = files.symvers && (await readSymversFile(files.symvers));
  const arch = archOf(objects);
  const vmlinuxId = vmlinux && buildIdOf(vmlinux.file);
  return {
    machines: objects.map((o) => ({ value: o.file.header.machine, label: o.file.label })),
    buildIds: [
      ...(vmlinuxId === undefined ? [] : [{ value: vmlinuxId, label: labelOf(vmlinux) }]),
      ...told(notes),
    ],
    vermagics: objects.flatMap((o) => {
      const value = o === vmlinux ? vermagicOf(o.file) : moduleInfo(o.file, 'vermagic');
      return value === undefined ? [] : [{ value, label: o.file.label }];
    }),
    modulesOf: (object) =>
      modules
        .filter((o) => o.objname === object)
        .map((o) => ({ value: buildIdOf(o.file), label: o.file.label })),
    symbolsOf: (object) => [
      ...objects.filter((o) => o.objname === object).map(symbolsOf),
      ...(kallsyms && knows(kallsyms, object) ? [kallsyms] : []),
    ],
    tracesOf: (object) => [
      ...(arch === undefined
        ? []
        : objects.filter((o) => o.objname === object).map((o) => tracesOf(o, arch))),
      ...(filter && knows(filter, object) ? [filter] : []),
    ],
    exports: [...told(symvers), ...objects.map(exportsOf), ...(kallsyms ? kallsymsExports(kallsyms) : [])],
    ...(config === undefined ? {} : { config }),
  };
}

function told<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function labelOf(object: KernelObject | undefined): string {
  return object?.file.label ?? '';
}

/** A list of a running kernel knows its own symbols, and those of the modules that were loaded. */
function knows(list: KallsymsFile | FilterFunctions, object: string): boolean {
  return object === 'vmlinux' || list.modules.has(object);
}

function openCompleteVmlinux({ path, label }: NamedFile): KernelObject {
  const vmlinux = openVmlinux(path, label);
  const [text] = vmlinux.file.named('_text');
  if (text === undefined) throw unusable(label, 'is no vmlinux: it has no _text');
  // Separate files of debug information have the symbols without the content; this reads some.
  vmlinux.position(text);
  return vmlinux;
}

function openKnownModule({ path, label }: NamedFile): KernelObject {
  const probe = openModule(path, label, true);
  const name = moduleInfo(probe.file, 'name') ?? moduleNameOf(label);
  const vermagic = moduleInfo(probe.file, 'vermagic');
  if (vermagic === undefined) throw unusable(label, 'is no kernel module: it has no version magic');
  const unloads = vermagic.split(' ').includes('mod_unload');
  return { ...(unloads ? probe : openModule(path, label, false)), objname: name };
}

/** The architecture of these files; undefined without files, or when they are for several. */
function archOf(objects: readonly KernelObject[]): ArchData | undefined {
  const machines = new Set(objects.map((o) => o.file.header.machine));
  const [machine] = machines;
  if (machines.size !== 1) return undefined;
  return supportedArchs()
    .map(archData)
    .find((arch) => arch.elfMachine === machine);
}

function wantedNames(needs: LivepatchNeeds): Set<string> {
  const functions = needs.functions.ok ? needs.functions.list : [];
  return new Set([
    ...[...functions, ...needs.symbols].map((s) => s.name),
    ...needs.exports.map((e) => `__ksymtab_${e.name}`),
  ]);
}

/** kallsyms shows that something is exported, by the entry of the export table, and no more of it. */
function kallsymsExports(kallsyms: KallsymsFile): ExportSource[] {
  return ['vmlinux', ...kallsyms.modules].map((object) => ({
    label: kallsyms.label,
    covers: object,
    find: (name) => (kallsyms.has(object, `__ksymtab_${name}`) ? { from: object } : undefined),
  }));
}

async function readConfig(file: NamedFile): Promise<RunningKernel['config']> {
  const bytes = await contentOf(file);
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? unzipped(bytes, file) : bytes;
  const options = parseConfig(plain.toString('utf8'));
  if (options.size === 0) throw unusable(file.label, 'is no kernel configuration');
  const sha256 = createHash('sha256').update(plain).digest('hex');
  return { value: { options, sha256 }, label: file.label };
}

function unzipped(bytes: Buffer, { label }: NamedFile): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxTextBytes });
  } catch (cause) {
    throw unusable(label, 'cannot be unpacked', cause);
  }
}

async function readNotes(file: NamedFile): Promise<Told<string>> {
  const value = gnuBuildId(await contentOf(file));
  if (value !== undefined) return { value, label: file.label };
  throw unusable(file.label, 'holds no build id');
}

async function readSymversFile(file: NamedFile): Promise<ExportSource> {
  const symbols = parseSymvers((await contentOf(file)).toString('utf8'));
  if (![...symbols.values()].some(({ module }) => module === 'vmlinux'))
    throw unusable(file.label, 'is no Module.symvers of a kernel');
  return {
    label: file.label,
    covers: 'all',
    versions: [...symbols.values()].some(({ crc }) => crc !== 0),
    find: (name) => {
      const symbol = symbols.get(name);
      if (symbol === undefined) return undefined;
      return { from: moduleNameOf(symbol.module), crc: symbol.crc, namespace: symbol.namespace ?? '' };
    },
  };
}

/** All of a file that may say that it has 0 bytes, as those of /proc do. @throws KlpError `input-too-large` */
async function contentOf({ path, label }: NamedFile): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxTextBytes)
      throw new KlpError('input-too-large', `${label} has more than ${maxTextBytes} bytes`, { file: label });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

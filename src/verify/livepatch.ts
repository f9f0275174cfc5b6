import { bufferSource, readHeader } from '../engine/elf/header.js';
import { KlpError } from '../shared/errors.js';
import type { PatchedFunction } from '../shared/result.js';

/** What a livepatch module says of itself. */
export interface LivepatchInfo {
  /** The module's name as the kernel shows it. */
  name: string;
  /** e_machine. */
  machine: number;
  /** The release of the kernel it was built for, from its version magic. */
  release: string;
  /** GNU build id of that kernel, hex; not all livepatches say it. */
  buildId?: string;
  /**
   * Modules it has klp relocations for. A module all of whose symbols are exported needs none, so this may be
   * less than what is patched; the kernel tells the rest once the livepatch is loaded.
   */
  objects: string[];
}

/**
 * Reads a livepatch's .ko.
 * @param label the file's name in messages
 * @throws KlpError `not-a-livepatch`, `elf-malformed`
 */
export function readLivepatch(bytes: Uint8Array, label: string): LivepatchInfo {
  const source = bufferSource(bytes, label);
  const { machine, sections } = readHeader(source, label);
  const modinfo = sections.find((section) => section.name === '.modinfo');
  if (modinfo === undefined)
    throw new KlpError('not-a-livepatch', `${label} is not a kernel module`, { file: label });
  const values = parseModinfo(source(modinfo.offset, modinfo.size));
  if (values.get('livepatch') !== 'Y') {
    throw new KlpError('not-a-livepatch', `${label} is a kernel module, but not a livepatch`, {
      file: label,
    });
  }
  const name = values.get('name');
  const release = values.get('vermagic')?.split(' ')[0];
  if (name === undefined || release === undefined || !/^\w+$/.test(name)) {
    throw new KlpError('not-a-livepatch', `${label} names neither itself nor its kernel`, { file: label });
  }
  const objects = new Set<string>();
  for (const section of sections) {
    const object = /^\.klp\.rela\.([\w-]+)\./.exec(section.name)?.[1];
    if (object !== undefined && object !== 'vmlinux') objects.add(object);
  }
  const buildId = values.get('klp_build_id');
  return {
    name,
    machine,
    release,
    ...(buildId === undefined ? {} : { buildId }),
    objects: [...objects].sort(),
  };
}

/** The modules that a livepatch of these functions patches, sorted; one that only gets new functions is none of them. */
export function patchedModules(functions: readonly Pick<PatchedFunction, 'object' | 'why'>[]): string[] {
  const patched = functions.filter(({ object, why }) => object !== 'vmlinux' && why !== 'new');
  return [...new Set(patched.map(({ object }) => object))].sort();
}

/** `.modinfo`: strings `key=value`, each ended by zero bytes. The first of a key counts. */
export function parseModinfo(bytes: Uint8Array): Map<string, string> {
  const values = new Map<string, string>();
  for (const text of Buffer.from(bytes).toString('utf8').split('\0')) {
    const equals = text.indexOf('=');
    if (equals > 0 && !values.has(text.slice(0, equals)))
      values.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return values;
}

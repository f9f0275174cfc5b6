import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import { asKlpError, isFullDisk, KlpError } from '../shared/errors.js';

export interface UnpackLimits {
  /** Bytes of all files together. */
  bytes: number;
  files: number;
  /** Also take folders below the first, as in a tree of modules. */
  nested: boolean;
}

/** Names that can mean nothing else to a shell, a terminal or another system. */
const plainName = /^[\w.,@+:=-]+$/;

/**
 * Unpacks an archive that came out of a container into an empty folder, without its first path component.
 * Only folders and regular files with plain names are taken; anything else, and too much of it, is an error.
 * @throws KlpError `output-unsafe`, `no-disk-space`; the system's error for what else cannot be written
 */
export async function unpackUntrusted(
  archive: NodeJS.ReadableStream,
  dir: string,
  limits: UnpackLimits,
): Promise<void> {
  let problem: string | undefined;
  let failed: Error | undefined;
  const sizes = new Map<string, number>();
  let bytes = 0;
  let files = 0;
  const accept = (path: string, entry: { type?: string; size?: number }): boolean => {
    if (problem !== undefined) return false;
    const [, ...parts] = path.replace(/\/$/, '').split('/');
    files += 1;
    bytes += entry.size ?? 0;
    const isDir = entry.type === 'Directory';
    if (!isDir && entry.type !== 'File' && entry.type !== 'OldFile')
      problem = `${path} is a ${entry.type ?? 'thing'}`;
    else if (parts.some((part) => !plainName.test(part) || part === '..' || part === '.'))
      problem = `the name ${path}`;
    else if (!limits.nested && parts.length > 1) problem = `${path} lies in a folder`;
    else if (files > limits.files) problem = `more than ${limits.files} files`;
    else if (bytes > limits.bytes) problem = `more than ${limits.bytes} bytes`;
    else if (!isDir) sizes.set(join(...parts), entry.size ?? 0);
    return problem === undefined && !(isDir && !limits.nested);
  };
  await pipeline(
    archive,
    extract({
      cwd: dir,
      strip: 1,
      preserveOwner: false,
      // A file that could not be written is a warning to the library, and a truncated file to us.
      onwarn: (_code, _message, data: unknown) => {
        if (data instanceof Error) failed ??= data;
      },
      filter: (path, entry) => accept(path, entry as { type?: string; size?: number }),
    }),
  );
  if (problem !== undefined) throw new KlpError('output-unsafe', `refused what a container sent: ${problem}`);
  if (failed !== undefined) throw isFullDisk(failed) ? asKlpError(failed) : failed;
  // The library does not look at how much of a write was done; the rest is missing where the disk was full then.
  for (const [name, size] of sizes) {
    const written = (await stat(join(dir, name))).size;
    if (written === size) continue;
    const message = `no space is left for ${name}: ${written} of ${size} bytes were written`;
    throw new KlpError('no-disk-space', message, { file: name });
  }
}

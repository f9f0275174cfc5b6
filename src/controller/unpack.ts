import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import { KlpError } from '../shared/errors.js';

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
 * @throws KlpError `output-unsafe`
 */
export async function unpackUntrusted(
  archive: NodeJS.ReadableStream,
  dir: string,
  limits: UnpackLimits,
): Promise<void> {
  let problem: string | undefined;
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
    return problem === undefined && !(isDir && !limits.nested);
  };
  await pipeline(
    archive,
    extract({
      cwd: dir,
      strip: 1,
      preserveOwner: false,
      filter: (path, entry) => accept(path, entry as { type?: string; size?: number }),
    }),
  );
  if (problem !== undefined) throw new KlpError('output-unsafe', `refused what a container sent: ${problem}`);
}

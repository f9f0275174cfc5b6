import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KlpError } from '../shared/errors.js';

/** Bytes free for this user where `path` is, or will be; undefined when it is not on this machine. */
export async function freeBytes(path: string): Promise<number | undefined> {
  let dir = path;
  while (!existsSync(dir)) {
    if (dir === dirname(dir)) return undefined;
    dir = dirname(dir);
  }
  const fs = await statfs(dir);
  return fs.bavail * fs.bsize;
}

/**
 * Refuses to begin what would fill the disk.
 * @param what for people: what needs the space
 * @throws KlpError `no-disk-space`
 */
export async function needSpace(path: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(path);
  if (free === undefined || free >= bytes) return;
  const gib = (n: number): string => (n / 1024 ** 3).toFixed(1);
  throw new KlpError(
    'no-disk-space',
    `${what} needs about ${gib(bytes)} GiB in ${path}; ${gib(free)} GiB are free`,
  );
}

import { access, constants, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { KlpError } from '../shared/errors.js';
import { makeDir } from '../shared/files.js';
import { size } from '../report/units.js';

/** Largest files that are taken, in bytes. */
export const limits = {
  patch: 4 * 1024 * 1024,
  callbacks: 1024 * 1024,
  script: 1024 * 1024,
  package: 256 * 1024 * 1024,
  vmlinux: 4 * 1024 * 1024 * 1024,
  module: 1024 * 1024 * 1024,
  config: 16 * 1024 * 1024,
  'list of the kernel': 256 * 1024 * 1024,
};

/** Files of /proc and /sys say that they have 0 bytes; what reads them finds out. A diff may be of no difference. */
const mayBeEmpty: readonly (keyof typeof limits)[] = ['config', 'list of the kernel', 'patch'];

/**
 * Looks at a file named on the command line before any long work starts.
 * @returns its absolute path
 * @throws KlpError `input-not-found`, `input-not-a-file`, `input-unreadable`, `input-empty`, `input-too-large`
 */
export async function checkInput(path: string, what: keyof typeof limits): Promise<string> {
  const absolute = resolve(path);
  const place = { file: path };
  if (path === '') throw new KlpError('input-not-found', `The name of the ${what} is empty`);
  const info = await stat(absolute).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
      throw new KlpError('input-not-found', `There is no file ${path}`, { ...place, cause });
    }
    throw new KlpError('input-unreadable', `${path} cannot be looked at: ${cause.message}`, {
      ...place,
      cause,
    });
  });
  if (info.isDirectory()) throw new KlpError('input-not-a-file', `${path} is a folder`, place);
  if (!info.isFile()) throw new KlpError('input-not-a-file', `${path} is not a regular file`, place);
  if (info.size === 0 && !mayBeEmpty.includes(what))
    throw new KlpError('input-empty', `${path} is empty`, place);
  if (info.size > limits[what]) {
    const limit = `a ${what} may have ${size(limits[what])}`;
    throw new KlpError('input-too-large', `${path} has ${size(info.size)}; ${limit}`, place);
  }
  await access(absolute, constants.R_OK).catch((cause: Error) => {
    throw new KlpError('input-unreadable', `${path} cannot be read`, { ...place, cause });
  });
  return absolute;
}

/**
 * Makes sure that a folder for results exists and can be written to, and hands it to `use`. A folder that was made
 * for this and holds nothing at the end, as after a refusal, is removed again.
 * @throws KlpError `output-not-writable`
 */
export async function withOutputDir<T>(path: string, use: (absolute: string) => Promise<T>): Promise<T> {
  const absolute = resolve(path);
  const wasThere = await stat(absolute).then(
    () => true,
    () => false,
  );
  try {
    await makeDir(absolute);
    // Asked for its permissions, a folder may promise root more than its file system keeps.
    await rmdir(await mkdtemp(join(absolute, '.klp-docker-')));
  } catch (cause) {
    throw new KlpError(
      'output-not-writable',
      `Nothing can be written to ${path}: ${(cause as Error).message}`,
      {
        file: path,
        cause,
      },
    );
  }
  try {
    return await use(absolute);
  } finally {
    if (!wasThere) await rmdir(absolute).catch(() => undefined);
  }
}

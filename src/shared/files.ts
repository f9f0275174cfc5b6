import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where a folder cannot be made and
 * the system says ENOENT for it, as it does below /proc.
 * @throws the system's error
 */
export async function makeDir(path: string): Promise<void> {
  const above = dirname(path);
  const known = await stat(path).catch(() => undefined);
  if (known?.isDirectory() === true) return;
  if (above !== path) await makeDir(above);
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been faster; what is in the way and no folder stays an error.
    if (error.code !== 'EEXIST' || known !== undefined) throw error;
  });
}

/** Writes a file so that readers see the old content or the new, never half of it. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  await makeDir(dirname(path));
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, data, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Runs `use` with a new empty folder, and removes the folder whatever happens. */
export async function withTempDir<T>(prefix: string, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), `${prefix}-`));
  try {
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

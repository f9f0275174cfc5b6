import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDir, withTempDir, writeFileAtomic } from '../../../src/shared/files.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-files-test-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('makeDir', () => {
  it('makes all folders of a path, and takes it well when they are there', async () => {
    const path = join(dir, 'a', 'b', 'c');
    await Promise.all([makeDir(path), makeDir(path), makeDir(join(dir, 'a', 'x'))]);
    await makeDir(path);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it('fails where a file is in the way', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(makeDir(join(dir, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDir(join(dir, 'file', 'x'))).rejects.toThrow();
  });

  it('fails, and does so at once, where no folder can be made', async () => {
    await expect(makeDir('/proc/no/such/folder')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('writeFileAtomic', () => {
  it('makes the folder, writes, replaces, and leaves nothing else there', async () => {
    const path = join(dir, 'sub', 'file');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(join(dir, 'sub'))).toEqual(['file']);
  });

  it('leaves nothing behind when it fails', async () => {
    await makeDir(join(dir, 'taken', 'x'));
    await expect(writeFileAtomic(join(dir, 'taken'), 'x')).rejects.toThrow();
    expect(await readdir(dir)).toEqual(['taken']);
  });
});

describe('withTempDir', () => {
  it('removes the folder after success and after failure', async () => {
    const seen: string[] = [];
    const keep = async (path: string): Promise<void> => {
      seen.push(path);
      await writeFile(join(path, 'x'), '');
      if (seen.length === 2) throw new Error('no');
    };
    await withTempDir('klp-test', keep);
    await expect(withTempDir('klp-test', keep)).rejects.toThrow('no');
    for (const path of seen) await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

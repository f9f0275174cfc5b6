import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkInput, limits, withOutputDir } from '../../../src/cli/inputs.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-inputs-test-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('checkInput', () => {
  it('returns the absolute path of a file that will do', async () => {
    const path = join(dir, 'a.patch');
    await writeFile(path, 'x');
    expect(await checkInput(path, 'patch')).toBe(path);
  });

  it('refuses a name that leads nowhere', async () => {
    await expect(checkInput(join(dir, 'none'), 'patch')).rejects.toMatchObject({ code: 'input-not-found' });
    await writeFile(join(dir, 'file'), 'x');
    await expect(checkInput(join(dir, 'file', 'x'), 'patch')).rejects.toMatchObject({
      code: 'input-not-found',
    });
    await expect(checkInput('', 'patch')).rejects.toMatchObject({ code: 'input-not-found' });
  });

  it.each(['/dev/null', tmpdir()])('refuses %s, which is no regular file', async (path) => {
    await expect(checkInput(path, 'patch')).rejects.toMatchObject({ code: 'input-not-a-file' });
  });

  it('refuses an empty file that is no patch, and one over the limit, and takes one of exactly the limit', async () => {
    const path = join(dir, 'a.patch');
    await writeFile(path, '');
    await expect(checkInput(path, 'script')).rejects.toMatchObject({ code: 'input-empty' });
    expect(await checkInput(path, 'patch')).toBe(path);
    await truncate(path, limits.patch + 1);
    await expect(checkInput(path, 'patch')).rejects.toMatchObject({ code: 'input-too-large' });
    await truncate(path, limits.patch);
    expect(await checkInput(path, 'patch')).toBe(path);
  });
});

describe('withOutputDir', () => {
  it('makes the folder, and keeps it when something is in it', async () => {
    const path = join(dir, 'a', 'b');
    await withOutputDir(path, async (absolute) => writeFile(join(absolute, 'x'), ''));
    expect(await readdir(path)).toEqual(['x']);
  });

  it('takes an empty folder away again that it has made, and no other', async () => {
    await withOutputDir(join(dir, 'new'), async () => undefined);
    await withOutputDir(dir, async () => undefined);
    expect(await readdir(dir)).toEqual([]);
  });

  it.each(['/sys', '/proc'])('refuses %s, which lets nobody make a file, before any work', async (path) => {
    let worked = false;
    const refused = withOutputDir(path, async () => void (worked = true));
    await expect(refused).rejects.toMatchObject({ code: 'output-not-writable' });
    expect(worked).toBe(false);
  });

  it('refuses a path that runs through a file', async () => {
    await writeFile(join(dir, 'file'), 'x');
    const refused = withOutputDir(join(dir, 'file', 'out'), async () => undefined);
    await expect(refused).rejects.toMatchObject({ code: 'output-not-writable' });
  });
});

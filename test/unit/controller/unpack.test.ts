import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackUntrusted } from '../../../src/controller/unpack.js';

const limits = { bytes: 1000, files: 10, nested: false };

describe('what comes out of a container', () => {
  let from: string;
  let to: string;
  beforeEach(async () => {
    from = await mkdtemp(join(tmpdir(), 'klp-test-'));
    to = await mkdtemp(join(tmpdir(), 'klp-test-'));
    await mkdir(join(from, 'out'));
  });
  afterEach(() => Promise.all([from, to].map((dir) => rm(dir, { recursive: true }))));

  const unpack = (options = limits): Promise<void> =>
    unpackUntrusted(create({ cwd: from }, ['out']) as unknown as NodeJS.ReadableStream, to, options);

  it('is files with plain names', async () => {
    await writeFile(join(from, 'out', 'livepatch-a_b.ko'), 'module');
    await unpack();
    expect(await readFile(join(to, 'livepatch-a_b.ko'), 'utf8')).toBe('module');
  });

  it('is no symbolic link', async () => {
    await symlink('/etc/passwd', join(from, 'out', 'x'));
    await expect(unpack()).rejects.toMatchObject({ code: 'output-unsafe' });
    expect(await readdir(to)).toEqual([]);
  });

  it.each(['a b', 'a\nb', 'a$(id)', '\u001b[31m'])('has no name like %j', async (name) => {
    await writeFile(join(from, 'out', name), '');
    await expect(unpack()).rejects.toMatchObject({ code: 'output-unsafe' });
  });

  it('has no folders unless they are expected', async () => {
    await mkdir(join(from, 'out', 'dir'));
    await writeFile(join(from, 'out', 'dir', 'file'), 'x');
    await expect(unpack()).rejects.toMatchObject({ code: 'output-unsafe' });
    await unpack({ ...limits, nested: true });
    expect(await readFile(join(to, 'dir', 'file'), 'utf8')).toBe('x');
  });

  it('that cannot be written is an error, not a file less', async () => {
    await writeFile(join(from, 'out', 'file'), 'x');
    // A folder of this name with something in it is in the way of the file.
    await mkdir(join(to, 'file', 'sub'), { recursive: true });
    await expect(unpack()).rejects.toThrow();
  });

  it.skipIf(process.getuid?.() !== 0)('has no room on a full disk, which is said', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', to]);
    try {
      await writeFile(join(from, 'out', 'livepatch-x.ko'), 'x'.repeat(20_000));
      await expect(unpack({ ...limits, bytes: 100_000 })).rejects.toMatchObject({
        code: 'no-disk-space',
        kind: 'environment',
      });
    } finally {
      execFileSync('umount', [to]);
    }
  });

  it('is not too large and not too much', async () => {
    await writeFile(join(from, 'out', 'large'), 'x'.repeat(1001));
    await expect(unpack()).rejects.toMatchObject({ code: 'output-unsafe' });
    await rm(join(from, 'out', 'large'));
    for (let i = 0; i < 10; i++) await writeFile(join(from, 'out', `f${i}`), '');
    await expect(unpack()).rejects.toMatchObject({ code: 'output-unsafe' });
  });
});

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from 'tar';
import { describe, expect, it } from 'vitest';
import { withTempDir } from '../../../src/shared/files.js';
import { readSubject } from '../../../src/verify/package.js';
import { moduleFile } from '../../helpers/module-file.js';

const module = moduleFile(['livepatch=Y', 'name=livepatch_x', 'vermagic=6.12.107 SMP']);

/** Makes a folder with these files, packs `names` of it, and hands over the package and an empty folder. */
async function withPackage(
  files: Record<string, string | Uint8Array>,
  use: (path: string, out: string) => Promise<void>,
  names = Object.keys(files),
): Promise<void> {
  await withTempDir('klp-test', async (dir) => {
    await mkdir(join(dir, 'in/sub'), { recursive: true });
    await mkdir(join(dir, 'out'));
    for (const [name, data] of Object.entries(files)) await writeFile(join(dir, 'in', name), data);
    await symlink('/etc/passwd', join(dir, 'in/link.ko'));
    await create({ cwd: join(dir, 'in'), file: join(dir, 'p.tgz'), gzip: true, preservePaths: true }, names);
    await use(join(dir, 'p.tgz'), join(dir, 'out'));
  });
}

/** The module with another offset of the section headers (`e_shoff`) in its ELF header. */
function withSectionsAt(bytes: Uint8Array, offset: bigint): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64LE(offset, 40);
  return copy;
}

const unusable = { code: 'package-unusable' };

describe('readSubject', () => {
  it('takes the module out of a package, and what the result beside it says', async () => {
    const result = JSON.stringify({
      functions: [{ object: 'vmlinux' }, { object: 'ext4' }, { object: 'ext4' }],
    });
    await withPackage({ 'sub/livepatch-x.ko': module, 'sub/livepatch-x.json': result }, async (path, out) => {
      const subject = await readSubject(path, out);
      expect(subject).toMatchObject({ livepatch: join(out, 'livepatch_x.ko'), objects: ['ext4'] });
      expect(Buffer.compare(await readFile(subject.livepatch), module)).toBe(0);
    });
  });

  it('hands over what the manifest says of the kernel, and takes no other module for the one it describes', async () => {
    const sha256 = createHash('sha256').update(module).digest('hex');
    const kernel = { buildId: '0a1b', configSha256: 'c0' };
    const manifest = (sum: string): string =>
      JSON.stringify({ sha256: sum, kernel: { ...kernel, release: '6' } });
    await withPackage({ 'x.ko': module, 'x.json': manifest(sha256) }, async (path, out) =>
      expect((await readSubject(path, out)).manifest).toMatchObject({ kernel }),
    );
    await withPackage({ 'x.ko': module, 'x.json': manifest('00') }, async (path, out) =>
      expect(readSubject(path, out)).rejects.toMatchObject(unusable),
    );
  });

  it('takes a module as it is', async () => {
    await withPackage({ 'x.ko': module }, async (path, out) => {
      const file = join(path, '../in/x.ko');
      const info = { name: 'livepatch_x', machine: 62, release: '6.12.107', objects: [] };
      expect(await readSubject(file, out)).toEqual({ livepatch: file, objects: [], info });
    });
  });

  it('unpacks nothing else, wherever the package says it belongs', async () => {
    const files = { 'x.ko': module, '../escape': 'x', README: 'x', 'sub/script.sh': 'x' };
    await withPackage(files, async (path, out) => {
      await readSubject(path, out);
      expect(await readdir(out)).toEqual(['livepatch_x.ko']);
    });
  });

  it.each([
    ['no module', { README: 'x' }, undefined],
    ['two modules', { 'a.ko': module, 'b.ko': module }, undefined],
    ['a module that is a symbolic link', { README: 'x' }, ['README', 'link.ko']],
  ])('refuses a package with %s', async (_, files, names) => {
    await withPackage(
      files,
      async (path, out) => expect(readSubject(path, out)).rejects.toMatchObject(unusable),
      names,
    );
  });

  it('refuses a package whose module is none', async () => {
    await withPackage({ 'x.ko': 'text' }, async (path, out) => {
      await expect(readSubject(path, out)).rejects.toMatchObject(unusable);
    });
  });

  it.each([
    ['was cut off', module.subarray(0, module.length - 40)],
    ['has little more than its first bytes', module.subarray(0, 10)],
    ['says its sections lie elsewhere', withSectionsAt(module, 1n << 40n)],
    ['says its sections lie at an impossible place', withSectionsAt(module, (1n << 64n) - 1n)],
  ])('refuses a module that %s, by its name', async (_, bytes) => {
    await withPackage({ 'x.ko': bytes }, async (path, out) => {
      const file = join(path, '../in/x.ko');
      const error = { ...unusable, kind: 'usage', message: expect.stringContaining(file) as string };
      await expect(readSubject(file, out)).rejects.toMatchObject(error);
      await expect(readSubject(path, out)).rejects.toMatchObject(unusable);
    });
  });

  it.each([
    ['text', Buffer.from('not an archive at all\n'.repeat(100))],
    ['a damaged gzip file', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])],
  ])('refuses %s', async (_, data) => {
    await withTempDir('klp-test', async (dir) => {
      await writeFile(join(dir, 'x.tgz'), data);
      await expect(readSubject(join(dir, 'x.tgz'), dir)).rejects.toMatchObject(unusable);
    });
  });

  it('refuses a package that was cut off', async () => {
    await withPackage({ 'x.ko': module, big: Buffer.alloc(100_000, 'abcdefg') }, async (path, out) => {
      const whole = await readFile(path);
      await writeFile(path, whole.subarray(0, whole.length / 2));
      await expect(readSubject(path, out)).rejects.toMatchObject(unusable);
    });
  });
});

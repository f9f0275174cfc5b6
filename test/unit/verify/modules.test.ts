import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTempDir } from '../../../src/shared/files.js';
import {
  loadOrder,
  moduleName,
  parseModulesDep,
  parseSoftdep,
  readModuleTree,
} from '../../../src/verify/modules.js';

const dep = `kernel/fs/mbcache.ko:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko kernel/crypto/hash.ko kernel/crypto/crypto.ko
kernel/fs/jbd2/jbd2.ko: kernel/crypto/hash.ko kernel/crypto/crypto.ko
kernel/crypto/hash.ko: kernel/crypto/crypto.ko
kernel/crypto/crypto.ko:
kernel/crypto/crc32c-generic.ko: kernel/crypto/hash.ko kernel/crypto/crypto.ko
`;
const tree = {
  dir: '/nowhere',
  ...parseModulesDep(dep),
  soft: parseSoftdep('softdep ext4 pre: crc32c_generic post: x\n'),
};

describe('loadOrder', () => {
  it('puts each module after all that it needs, also those it only asks for', () => {
    const { order, missing } = loadOrder(tree, ['ext4']);
    expect(missing).toEqual([]);
    expect(new Set(order).size).toBe(order.length);
    const needs = [...tree.needs].filter(([path]) => order.includes(path));
    for (const [path, needed] of needs) {
      for (const one of needed) expect(order.indexOf(one)).toBeLessThan(order.indexOf(path));
    }
    expect(order.indexOf('kernel/crypto/crc32c-generic.ko')).toBeLessThan(
      order.indexOf('kernel/fs/ext4/ext4.ko'),
    );
    expect(order.at(-1)).toBe('kernel/fs/ext4/ext4.ko');
  });

  it('loads what two modules share once', () => {
    const { order } = loadOrder(tree, ['jbd2', 'crc32c-generic']);
    expect(order.filter((path) => path === 'kernel/crypto/hash.ko')).toHaveLength(1);
  });

  it('names the modules that are not there', () => {
    expect(loadOrder(tree, ['nfs', 'mbcache'])).toEqual({
      order: ['kernel/fs/mbcache.ko'],
      missing: ['nfs'],
    });
  });

  it('does not run in circles on a damaged file', () => {
    const circle = { dir: '', ...parseModulesDep('a.ko: b.ko\nb.ko: a.ko\n'), soft: new Map() };
    expect(loadOrder(circle, ['a']).order.sort()).toEqual(['a.ko', 'b.ko']);
  });
});

it('moduleName is the name that the kernel shows', () => {
  expect(moduleName('kernel/net/foo-bar.ko.xz')).toBe('foo_bar');
});

describe('readModuleTree', () => {
  it('fails with a code when the modules are not there', async () => {
    await withTempDir('klp-test', async (dir) => {
      await expect(readModuleTree(dir, '6.12.0')).rejects.toMatchObject({ code: 'boot-assets-incomplete' });
    });
  });

  it('does without soft dependencies', async () => {
    await withTempDir('klp-test', async (dir) => {
      await mkdir(join(dir, 'lib/modules/6.12.0'), { recursive: true });
      await writeFile(join(dir, 'lib/modules/6.12.0/modules.dep'), dep);
      const read = await readModuleTree(dir, '6.12.0');
      expect(read.paths.get('crc32c_generic')).toBe('kernel/crypto/crc32c-generic.ko');
      expect(read.soft.size).toBe(0);
    });
  });
});

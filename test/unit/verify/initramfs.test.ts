import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { withTempDir } from '../../../src/shared/files.js';
import { buildInitramfs, selftestScripts, type BootPlan } from '../../../src/verify/initramfs.js';
import { readModuleTree } from '../../../src/verify/modules.js';
import type { BootAssets } from '../../../src/verify/types.js';
import { readCpio } from '../../helpers/cpio.js';

/** A boot folder of small files that stand for the real ones. */
async function withAssets(use: (assets: BootAssets) => Promise<void>): Promise<void> {
  await withTempDir('klp-test', async (dir) => {
    const modules = join(dir, 'modules/lib/modules/6.12.0');
    const files: Record<string, string> = {
      kernel: 'K',
      busybox: 'B',
      bash: 'SH',
      'selftests/test-z.sh': 'z',
      'selftests/test-a.sh': 'a',
      'selftests/functions.sh': 'f',
      'selftests/modules/test_klp_x.ko': 'x',
      'livepatch.ko': 'LP',
      'script.sh': 'exit 0',
    };
    await mkdir(join(dir, 'selftests/modules'), { recursive: true });
    await mkdir(join(modules, 'kernel'), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    await writeFile(join(modules, 'modules.dep'), 'kernel/jbd2.ko:\nkernel/ext4.ko: kernel/jbd2.ko\n');
    await writeFile(join(modules, 'modules.alias'), 'alias fs-ext4 ext4\n');
    await writeFile(join(modules, 'modules.alias.bin'), 'binary');
    for (const name of ['ext4', 'jbd2']) await writeFile(join(modules, `kernel/${name}.ko`), name);
    await use({
      dir,
      kernel: join(dir, 'kernel'),
      modulesDir: join(dir, 'modules'),
      busybox: join(dir, 'busybox'),
      bash: join(dir, 'bash'),
      selftests: join(dir, 'selftests'),
      release: '6.12.0',
      arch: 'x86_64',
    });
  });
}

const limits = { script: 7, transition: 8, selftest: 9 };

async function build(assets: BootAssets, plan: Partial<BootPlan>): Promise<Map<string, string>> {
  const tree = await readModuleTree(assets.modulesDir, assets.release);
  const whole = { token: 'c0ffee', cases: [], selftests: [], limits, ...plan };
  const archive = gunzipSync(await buildInitramfs(assets, tree, whole));
  return new Map(readCpio(archive).map((record) => [record.path, record.data]));
}

describe('buildInitramfs', () => {
  it('holds init, busybox, the modules with their text indexes, token and limits', async () => {
    await withAssets(async (assets) => {
      const files = await build(assets, {});
      expect(files.get('init')).toMatch(/^#!\/bin\/busybox sh\n/);
      expect(files.get('bin/busybox')).toBe('B');
      expect(files.get('lib/modules/6.12.0/kernel/ext4.ko')).toBe('ext4');
      expect(files.has('lib/modules/6.12.0/modules.alias')).toBe(true);
      expect(files.has('lib/modules/6.12.0/modules.alias.bin')).toBe(false);
      expect(files.get('klp/token')).toBe('c0ffee\n');
      expect(files.get('klp/limits')).toBe('SCRIPT_LIMIT=7\nTRANSITION_LIMIT=8\nSELFTEST_LIMIT=9\n');
      expect([...files.keys()].filter((path) => /^klp\/(cases|selftests)\//.test(path))).toEqual([]);
      expect(files.has('bin/bash')).toBe(false);
    });
  });

  it('numbers the cases, and gives each its module, script, objects and what to load in order', async () => {
    await withAssets(async (assets) => {
      const livepatch = join(assets.dir, 'livepatch.ko');
      const files = await build(assets, {
        cases: [
          {
            case: { name: 'a/b', livepatch, objects: [], moduleLoad: 'both' },
            module: 'livepatch_a',
            passes: ['once'],
          },
          {
            case: {
              name: 'c',
              livepatch,
              objects: ['ext4'],
              testScript: join(assets.dir, 'script.sh'),
              moduleLoad: 'both',
            },
            module: 'livepatch_c',
            passes: ['before', 'after'],
          },
        ],
      });
      expect(files.get('klp/cases/0000/livepatch.ko')).toBe('LP');
      expect(files.get('klp/cases/0000/passes')).toBe('once\n');
      expect(files.get('klp/cases/0000/load')).toBe('');
      expect(files.has('klp/cases/0000/test')).toBe(false);
      expect(files.get('klp/cases/0001/name')).toBe('livepatch_c\n');
      expect(files.get('klp/cases/0001/objects')).toBe('ext4\n');
      expect(files.get('klp/cases/0001/load')).toBe('kernel/jbd2.ko\nkernel/ext4.ko\n');
      expect(files.get('klp/cases/0001/passes')).toBe('before\nafter\n');
      expect(files.get('klp/cases/0001/test')).toBe('exit 0');
    });
  });

  it('gives the guest a script that was converted to CRLF as a whole the way sh reads it, any other as it is', async () => {
    await withAssets(async (assets) => {
      const livepatch = join(assets.dir, 'livepatch.ko');
      const testScript = join(assets.dir, 'script.sh');
      const given = async (content: string): Promise<string | undefined> => {
        await writeFile(testScript, content);
        const one = { name: 'c', livepatch, objects: [], moduleLoad: 'both' as const, testScript };
        const files = await build(assets, {
          cases: [{ case: one, module: 'livepatch_c', passes: ['once'] }],
        });
        return files.get('klp/cases/0000/test');
      };
      expect(await given('#!/bin/sh\r\n\r\nexit 0\r\n')).toBe('#!/bin/sh\n\nexit 0\n');
      expect(await given('printf "a\r\n"\nexit 0\n')).toBe('printf "a\r\n"\nexit 0\n');
    });
  });

  it('with selftests: bash, scripts, modules where the scripts look for them, and the plan', async () => {
    await withAssets(async (assets) => {
      expect(await selftestScripts(assets)).toEqual(['test-a.sh', 'test-z.sh']);
      const files = await build(assets, { selftests: ['test-a.sh'] });
      expect(files.get('bin/bash')).toBe('SH');
      expect(files.get('klp/selftests/functions.sh')).toBe('f');
      expect(files.get('klp/selftests/test_modules/test_klp_x.ko')).toBe('x');
      expect(files.get('klp/selftests/plan')).toBe('test-a.sh\n');
      expect(files.get('bin/insmod')).toMatch(/^#!\/bin\/sh\n/);
    });
  });

  it.each(['busybox', 'bash'] as const)('fails with a code when %s is missing', async (name) => {
    await withAssets(async (assets) => {
      const broken = { ...assets, [name]: join(assets.dir, 'nothing') };
      await expect(build(broken, { selftests: ['test-a.sh'] })).rejects.toMatchObject({
        code: 'boot-assets-incomplete',
      });
    });
  });
});

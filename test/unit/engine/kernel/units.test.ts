import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { offsetUnits } from '../../../../src/engine/kernel/offsets.js';
import { openKernel } from '../../../../src/engine/kernel/tree.js';
import { unitsByPath, unitsFor } from '../../../../src/engine/kernel/units.js';
import { thinArchive, withToyKernel, type ToyKernel } from '../../../fixtures/toy-kernel/make.js';

const units = (paths: string[], toy: ToyKernel = {}) =>
  withToyKernel(toy, async (dir) => unitsFor(await openKernel(dir, 'x86_64'), paths));
const objects = async (...paths: string[]) =>
  (await units(paths)).map(({ objname, object }) => `${objname} ${object}`);

describe('unitsByPath', () => {
  it('gives the same to all who ask at the same time', async () => {
    const found = await withToyKernel({}, async (dir) => {
      const tree = await openKernel(dir, 'x86_64');
      const ask = async () => (await unitsByPath(tree, ['lib/ctype.c'])).get('lib/ctype.c')?.length;
      return await Promise.all([ask(), ask()]);
    });
    expect(found).toEqual([2, 2]);
  });
});

describe('unitsFor', () => {
  it('gives the recorded command of an object of vmlinux', async () => {
    const [unit, ...rest] = await units(['fs/proc/meminfo.c']);
    expect(rest).toEqual([]);
    expect(unit).toMatchObject({
      source: 'fs/proc/meminfo.c',
      object: 'fs/proc/meminfo.o',
      objname: 'vmlinux',
      dependencies: ['fs/proc/meminfo.c', 'include/linux/toy.h'],
    });
    expect(unit?.module).toBeUndefined();
    expect(unit?.compile).toEqual([
      `${unit?.cwd}/bin/clang-19`,
      '-nostdinc',
      '-Iinclude',
      '-DKBUILD_BASENAME="meminfo"',
      '-Dpound(#)=$(x)',
      '-c',
      '-o',
      'fs/proc/meminfo.o',
      'fs/proc/meminfo.c',
    ]);
  });

  it('knows the module of an object, and what objtool was told', async () => {
    const [unit] = await units(['net/sched/sch-toy.c']);
    expect(unit).toMatchObject({
      objname: 'sch_toy',
      module: 'net/sched/sch-toy.ko',
      objtool: ['./tools/objtool/objtool', '--orc', '--link', '--module'],
    });
  });

  it('finds every object of a source and leaves out those that are not linked', async () => {
    expect(await objects('lib/ctype.c')).toEqual(['vmlinux lib/ctype.o', 'vmlinux lib/ctype-again.o']);
  });

  it('finds the objects that read a header, of C and of assembly', async () => {
    expect((await objects('include/linux/toy.h')).sort()).toEqual([
      'vmlinux fs/proc/meminfo.o',
      'vmlinux init/main.o',
      'vmlinux lib/entry.o',
    ]);
    expect(await objects('fs/ext4/ext4.h')).toEqual(['ext4 fs/ext4/super.o', 'ext4 fs/ext4/inode.o']);
  });

  it('finds the object of a source that another includes', async () => {
    expect(await objects('kernel/sched/wait.c')).toEqual(['vmlinux kernel/sched/all.o']);
  });

  it('lists each object once, those of the files themselves first', async () => {
    expect(await objects('fs/ext4/ext4.h', 'fs/ext4/inode.c')).toEqual([
      'ext4 fs/ext4/inode.o',
      'ext4 fs/ext4/super.o',
    ]);
  });

  it.each(['arch/x86/boot/main.c', 'scripts/mod/modpost.c'])(
    'refuses %s, which is not linked',
    async (path) => {
      await expect(units([path])).rejects.toMatchObject({
        code: 'object-not-livepatchable',
        detail: { file: path },
      });
    },
  );

  it.each([
    ['fs/ext4/verity.c', /fs\/ext4\/Makefile:3 .*CONFIG_FS_VERITY is not set/],
    ['fs/btrfs/super.c', /fs\/Makefile:2 .*CONFIG_BTRFS_FS is not set/],
    ['fs/btrfs/other.c', /fs\/btrfs\/Makefile has no line that lists other\.o/],
  ])('says why %s is not built', async (path, message) => {
    await expect(units([path])).rejects.toMatchObject({
      code: 'not-built',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses a tree whose modules were not built', async () => {
    await expect(
      units(['fs/ext4/super.c'], { files: { 'fs/ext4/ext4.ko': undefined } }),
    ).rejects.toMatchObject({
      code: 'kernel-not-built',
      message: expect.stringContaining('fs/ext4/ext4.ko') as string,
    });
    await expect(
      units(['fs/ext4/super.c'], { files: { 'fs/ext4/ext4.mod': undefined } }),
    ).rejects.toMatchObject({
      code: 'kernel-not-built',
    });
  });

  it('refuses an object compiled for a module and linked into vmlinux', async () => {
    const files = { 'vmlinux.a': thinArchive(['fs/ext4/super.o']), 'modules.order': '' };
    await expect(units(['fs/ext4/super.c'], { files })).rejects.toMatchObject({
      code: 'kernel-config-changed',
    });
  });

  it.each([
    ['fs/proc/meminfo', 'vmlinux'],
    ['fs/ext4/super', 'fs/ext4/ext4.ko'],
  ])('refuses an object that was made again after it was linked: %s', async (name, linked) => {
    await withToyKernel({ files: { [`${name}.o`]: '' } }, async (dir) => {
      await utimes(join(dir, linked), 2000, 2000);
      await utimes(join(dir, `${name}.o`), 1000, 1000);
      const tree = await openKernel(dir, 'x86_64');
      await expect(unitsFor(tree, [`${name}.c`])).resolves.toHaveLength(1);
      await utimes(join(dir, `${name}.o`), 3000, 3000);
      await expect(unitsFor({ ...tree }, [`${name}.c`])).rejects.toMatchObject({
        code: 'kernel-build-stale',
        kind: 'refused',
        message: `${name}.o is newer than ${linked}`,
      });
    });
  });

  describe('that other programs made a linked object of', () => {
    const early = {
      'vmlinux.a': thinArchive(['init/main.o', 'lib/early.pi.o']),
      'lib/early.c': '#include <linux/toy.h>\n',
      'lib/.early.o.cmd':
        'savedcmd_lib/early.o := clang-19 -c -o lib/early.o lib/early.c\n\nsource_lib/early.o := lib/early.c\n\ndeps_lib/early.o := \\\n  include/linux/toy.h \\\n',
      'lib/.early.linked.o.cmd':
        'savedcmd_lib/early.linked.o := ld.lld -r -o lib/early.linked.o lib/early.o\n',
      'lib/.early.pi.o.cmd':
        "savedcmd_lib/early.pi.o := llvm-objcopy --prefix-symbols=__pi_ 'lib/early.linked.o' lib/early.pi.o && check lib/early.pi.o\n",
    };

    it('are found by the file itself and by a header, and say what was made of them', async () => {
      const expected = { object: 'lib/early.o', objname: 'vmlinux', processed: 'lib/early.pi.o' };
      expect(await units(['lib/early.c'], { files: early })).toMatchObject([expected]);
      const all = await units(['include/linux/toy.h'], { files: early });
      expect(all.find((u) => u.object === 'lib/early.o')).toMatchObject(expected);
      expect(all.find((u) => u.object === 'init/main.o')).not.toHaveProperty('processed');
    });

    it('are ordinary ones when they were linked too', async () => {
      const files = { ...early, 'vmlinux.a': thinArchive(['lib/early.pi.o', 'lib/early.o']) };
      const [unit, ...rest] = await units(['lib/early.c'], { files });
      expect(unit).not.toHaveProperty('processed');
      expect(rest).toEqual([]);
    });
  });

  it('reads module lists of kernels before 5.19 and 6.3', async () => {
    const files = {
      'modules.order': 'fs/ext4/ext4.ko\n',
      'fs/ext4/ext4.mod': 'fs/ext4/super.o fs/ext4/inode.o\n\n',
    };
    expect(await units(['fs/ext4/ext4.h'], { files })).toHaveLength(2);
  });

  it('refuses archives that it cannot read', async () => {
    await expect(units(['lib/ctype.c'], { files: { 'vmlinux.a': '!<arch>\n' } })).rejects.toMatchObject({
      code: 'kernel-not-built',
    });
    await expect(units(['lib/ctype.c'], { files: { 'vmlinux.a': '!<thin>\n//  ' } })).rejects.toMatchObject({
      code: 'kernel-not-built',
    });
  });
});

it('knows which constants of the build come from a file', async () => {
  const record = (object: string): string =>
    `savedcmd_${object} := clang -S -o ${object} kernel/bounds.c\n\nsource_${object} := kernel/bounds.c\n\ndeps_${object} := \\\n  include/linux/toy.h \\\n`;
  await withToyKernel({ files: { 'kernel/.bounds.s.cmd': record('kernel/bounds.s') } }, async (dir) => {
    const tree = await openKernel(dir, 'x86_64');
    expect(await offsetUnits(tree, ['include/linux/toy.h'])).toMatchObject([
      {
        source: 'kernel/bounds.c',
        object: 'kernel/bounds.s',
        compile: ['clang', '-S', '-o', 'kernel/bounds.s', 'kernel/bounds.c'],
      },
    ]);
    expect(await offsetUnits(tree, ['fs/ext4/ext4.h'])).toEqual([]);
  });
});

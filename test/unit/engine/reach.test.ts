import { expect, it } from 'vitest';
import { reachOf } from '../../../src/engine/reach.js';
import { withToyKernel } from '../../fixtures/toy-kernel/make.js';

const vdso = `savedcmd_arch/x86/entry/vdso/vtoy.o := clang -c -o arch/x86/entry/vdso/vtoy.o vtoy.c

source_arch/x86/entry/vdso/vtoy.o := arch/x86/entry/vdso/vtoy.c

deps_arch/x86/entry/vdso/vtoy.o := \\
  include/vdso/toy.h \\

`;

it('tells which files an object reads, and of the others which are no part of this kernel', async () => {
  const paths = [
    'lib/ctype.c',
    'include/linux/unused.h',
    'Documentation/toy.rst',
    'fs/ext4/Kconfig',
    'fs/ext4/verity.c',
    'arch/x86/crypto/toy-avx.S',
    'arch/x86/boot/main.c',
    'arch/arm64/boot/dts/toy.dts',
    'arch/arm64/Kconfig',
    'include/vdso/toy.h',
  ];
  const found = await withToyKernel(
    { files: { 'arch/x86/entry/vdso/.vtoy.o.cmd': vdso } },
    async (dir) => await reachOf(dir, paths),
  );
  expect(found.map(({ path, objects, code }) => [path, objects, code])).toEqual([
    ['lib/ctype.c', 2, undefined],
    ['include/linux/unused.h', 0, undefined],
    ['Documentation/toy.rst', 0, undefined],
    ['fs/ext4/Kconfig', 0, undefined],
    ['fs/ext4/verity.c', 0, 'not-built'],
    ['arch/x86/crypto/toy-avx.S', 0, 'not-built'],
    ['arch/x86/boot/main.c', 0, 'object-not-livepatchable'],
    ['arch/arm64/boot/dts/toy.dts', 0, 'not-built'],
    ['arch/arm64/Kconfig', 0, 'not-built'],
    ['include/vdso/toy.h', 0, 'object-not-livepatchable'],
  ]);
});

import { expect, it } from 'vitest';
import { reachOf } from '../../../src/engine/reach.js';
import { withToyKernel } from '../../fixtures/toy-kernel/make.js';

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
  ];
  const found = await withToyKernel({}, async (dir) => await reachOf(dir, paths));
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
  ]);
});

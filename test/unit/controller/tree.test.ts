import { readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkBootable, inspectTree } from '../../../src/controller/tree.js';
import { archData, guestOptions } from '../../../src/shared/catalog.js';
import { withTempDir } from '../../../src/shared/files.js';
import { makeToyKernel, toyCompiler, withToyKernel, type ToyKernel } from '../../fixtures/toy-kernel/make.js';

const inspect = (toy: ToyKernel, arch?: string) => withToyKernel(toy, (dir) => inspectTree(dir, arch));

describe('a kernel tree of the user', () => {
  it('tells its architecture, its compiler and its release', async () => {
    const tree = await inspect({});
    expect(tree).toMatchObject({
      arch: { name: 'x86_64' },
      release: '6.12.107-toy',
      compilerText: toyCompiler,
      toolchain: { llvm: 19, suite: 'trixie' },
      owner: `${process.getuid?.()}:${process.getgid?.()}`,
    });
    expect(tree.folders).toEqual([{ source: tree.dir, target: tree.dir }]);
    expect((await inspect({ elfMachine: 183 })).arch.name).toBe('arm64');
  });

  it('is compared with what the user says', async () => {
    await expect(inspect({ elfMachine: 183 }, 'aarch64')).resolves.toBeDefined();
    await expect(inspect({ elfMachine: 183 }, 'x86_64')).rejects.toMatchObject({
      code: 'kernel-arch-mismatch',
      message: expect.stringMatching(/is for arm64, not x86_64/) as string,
    });
    await expect(inspect({ elfMachine: 243 })).rejects.toMatchObject({ code: 'unknown-arch' });
  });

  it('may come from a compiler that no image has', async () => {
    const tree = await inspect({ compiler: 'clang version 19.1.7 (https://example.org/llvm 0123abc)' });
    expect(tree.toolchain).toBeUndefined();
  });

  it.each([
    ['kernel-built-by-gcc', { config: { CONFIG_CC_IS_CLANG: undefined } }],
    ['kernel-without-livepatch', { config: { CONFIG_LIVEPATCH: undefined } }],
    ['kernel-not-built', { files: { vmlinux: undefined } }],
    ['kernel-not-built', { files: { '.config': undefined } }],
  ])('is refused before anything is started for it: %s', async (code, toy) => {
    await expect(inspect(toy)).rejects.toMatchObject({ code });
  });

  const start = (elfClass: number, data: number): string =>
    `\x7fELF${String.fromCharCode(elfClass, data)}\x01`.padEnd(18, '\0');
  it.each([
    ['empty', ''],
    ['cut short', start(2, 1)],
    ['no ELF file', '#!/bin/sh\nexit 0\n# vmlinux\n'],
    ['for 32 bits', `${start(1, 1)}\x03\0`.padEnd(64, '\0')],
    ['big-endian', `${start(2, 2)}\0\x15`.padEnd(64, '\0')],
  ])('whose vmlinux is %s is not a built one', async (_what, vmlinux) => {
    await expect(inspect({ files: { vmlinux } })).rejects.toMatchObject({
      code: 'kernel-not-built',
      message: expect.stringContaining('vmlinux is not a 64-bit little-endian ELF file') as string,
    });
  });

  it('that is not there is refused', async () => {
    await expect(inspectTree('/nonexistent', undefined)).rejects.toMatchObject({ code: 'kernel-not-built' });
  });

  it('built with O= brings its source along, under the path that its records name', async () => {
    await withTempDir('toy-objtree', async (made) => {
      const base = await realpath(made);
      const [source, build] = [join(base, 'src'), join(base, 'build')];
      await makeToyKernel(source);
      await makeToyKernel(build);
      await symlink('src', join(base, 'link'));
      await rm(join(build, 'init/main.c'));
      const record = join(build, 'init/.main.o.cmd');
      const text = await readFile(record, 'utf8');
      await writeFile(record, text.replaceAll('init/main.c', join(base, 'link/init/main.c')));
      expect((await inspectTree(build, undefined)).folders).toEqual([
        { source: build, target: build },
        { source, target: join(base, 'link') },
      ]);
      await rm(join(base, 'link'));
      await expect(inspectTree(build, undefined)).rejects.toMatchObject({ code: 'kernel-tree-moved' });
    });
  });
});

describe("the kernel of a user's tree", () => {
  const config = Object.fromEntries(guestOptions(archData('x86_64')).map((name) => [name, 'y']));
  const image = archData('x86_64').kernelImage;

  it('can be booted when it has what the test machine needs', async () => {
    await withToyKernel({ config, files: { [image]: '' } }, async (dir) => {
      await utimes(join(dir, 'vmlinux'), 1000, 1000);
      await expect(checkBootable(await inspectTree(dir, undefined))).resolves.toBeUndefined();
      await utimes(join(dir, image), 500, 500);
      await expect(checkBootable(await inspectTree(dir, undefined))).rejects.toMatchObject({
        code: 'kernel-not-bootable',
        message: expect.stringContaining('bzImage is older than vmlinux') as string,
        advice: expect.stringContaining('make bzImage') as string,
      });
      await rm(join(dir, image));
      await expect(checkBootable(await inspectTree(dir, undefined))).rejects.toMatchObject({
        message: expect.stringContaining('is not there') as string,
      });
    });
  });

  it('is refused by the options that it lacks', async () => {
    const lacking = { ...config, CONFIG_BLK_DEV_INITRD: undefined, CONFIG_SERIAL_8250_CONSOLE: 'm' };
    await withToyKernel({ config: lacking, files: { [image]: '' } }, async (dir) => {
      await expect(checkBootable(await inspectTree(dir, undefined))).rejects.toMatchObject({
        code: 'kernel-not-bootable',
        message: expect.stringMatching(/no CONFIG_BLK_DEV_INITRD, no CONFIG_SERIAL_8250_CONSOLE/) as string,
      });
    });
  });
});

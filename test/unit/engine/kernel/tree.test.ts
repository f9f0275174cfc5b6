import { symlink, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKernel } from '../../../../src/engine/kernel/tree.js';
import { withTempDir } from '../../../../src/shared/files.js';
import {
  makeToyKernel,
  toyBuildId,
  toyCompiler,
  withToyKernel,
  type ToyKernel,
} from '../../../fixtures/toy-kernel/make.js';

const open = (toy: ToyKernel, arch = 'x86_64') => withToyKernel(toy, (dir) => openKernel(dir, arch));

describe('openKernel', () => {
  it('reads release, configuration, compiler and build id', async () => {
    await withToyKernel({}, async (dir) => {
      const tree = await openKernel(dir, 'amd64');
      expect(tree).toMatchObject({
        source: tree.dir,
        arch: 'x86_64',
        release: '6.12.107-toy',
        compilerText: toyCompiler,
        buildId: toyBuildId,
      });
      expect(tree.config.get('CONFIG_EXT4_FS')).toBe('m');
      expect(tree.config.get('CONFIG_DEFAULT_HOSTNAME')).toBe('(none)');
      expect(tree.configSha256).toMatch(/^[0-9a-f]{64}$/);
    });
  });

  it('reads records of kernels before 6.2, and auto.conf with quotes', async () => {
    const quoted = `CONFIG_CC_IS_CLANG=y\nCONFIG_LIVEPATCH=y\nCONFIG_EXT4_FS=m\nCONFIG_DEFAULT_HOSTNAME="(none)"\nCONFIG_CC_VERSION_TEXT="${toyCompiler}"\n`;
    await expect(
      open({ savedcmd: false, files: { 'include/config/auto.conf': quoted } }),
    ).resolves.toBeDefined();
  });

  it.each(['.config', 'include/config/auto.conf', 'vmlinux', 'Module.symvers', 'init/.main.o.cmd'])(
    'refuses a tree without %s',
    async (path) => {
      await expect(open({ files: { [path]: undefined } })).rejects.toMatchObject({
        code: 'kernel-not-built',
        message: expect.stringContaining(path) as string,
      });
    },
  );

  it('refuses a folder that is not there', async () => {
    await expect(openKernel('/nonexistent/linux', 'x86_64')).rejects.toMatchObject({
      code: 'kernel-not-built',
    });
  });

  it('names the other compiler', async () => {
    const gcc = 'gcc (Debian 12.2.0-14) 12.2.0';
    await expect(
      open({ compiler: gcc, config: { CONFIG_CC_IS_CLANG: undefined, CONFIG_CC_IS_GCC: 'y' } }),
    ).rejects.toMatchObject({ code: 'kernel-built-by-gcc', message: expect.stringContaining(gcc) as string });

    const other = 'Debian clang version 16.0.6';
    await expect(open({ compilerHere: other })).rejects.toMatchObject({
      code: 'compiler-mismatch',
      message: expect.stringMatching(/19\.1\.7.*16\.0\.6/) as string,
    });
  });

  it('says that the compiler is missing', async () => {
    await withToyKernel({}, async (dir) => {
      await rm(join(dir, 'bin'), { recursive: true });
      await expect(openKernel(dir, 'x86_64')).rejects.toMatchObject({
        code: 'compiler-missing',
        kind: 'environment',
        message: expect.stringContaining(toyCompiler) as string,
      });
    });
  });

  it.each([
    ['kernel-without-livepatch', { CONFIG_LIVEPATCH: undefined }],
    ['kernel-lto', { CONFIG_LTO_CLANG: 'y', CONFIG_LTO_CLANG_THIN: 'y' }],
  ])('refuses by configuration: %s', async (code, config) => {
    await expect(open({ config })).rejects.toMatchObject({ code, kind: 'refused' });
  });

  it('refuses a kernel of another architecture', async () => {
    await expect(open({ elfMachine: 183 })).rejects.toMatchObject({ code: 'kernel-arch-mismatch' });
  });

  it('names the options that changed since the build', async () => {
    await expect(open({ autoConf: { CONFIG_EXT4_FS: 'y' } })).rejects.toMatchObject({
      code: 'kernel-config-changed',
      message: expect.stringContaining('CONFIG_EXT4_FS (y in the build, m now)') as string,
    });
  });

  it('finds the source tree of a build in a folder of its own', async () => {
    await withTempDir('toy-objtree', async (base) => {
      const [source, build] = [join(base, 'src'), join(base, 'build')];
      await mkdir(source);
      await writeFile(join(source, 'Kbuild'), '');
      await makeToyKernel(build, { files: { Kbuild: undefined } });
      await rm(join(build, 'Kbuild'), { force: true });
      await expect(openKernel(build, 'x86_64')).rejects.toMatchObject({ code: 'kernel-not-built' });

      await writeFile(join(build, 'Makefile'), '# generated\ninclude ../src/Makefile\n');
      expect((await openKernel(build, 'x86_64')).source).toBe(source);

      await rename(join(build, 'Makefile'), join(build, 'Makefile.old'));
      await symlink(source, join(build, 'source'));
      expect((await openKernel(build, 'x86_64')).source).toBe(source);
    });
  });
});

import { mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceReader } from '../../../../src/engine/kernel/read-source.js';
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

  it('reads the architecture from the kernel when none is named', async () => {
    await withToyKernel({}, async (dir) => expect((await openKernel(dir)).arch).toBe('x86_64'));
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

  it('names the options that a make took over after vmlinux was linked', async () => {
    await withToyKernel(
      { files: { 'include/config/EXT4_FS': '', 'include/config/SMP': '' } },
      async (dir) => {
        const at = (seconds: number, path: string): Promise<void> =>
          utimes(join(dir, path), seconds, seconds);
        await at(1000, 'include/config/EXT4_FS');
        await at(1000, 'include/config/SMP');
        await at(2000, 'vmlinux');
        await expect(openKernel(dir, 'x86_64')).resolves.toBeDefined();
        await at(3000, 'include/config/EXT4_FS');
        await expect(openKernel(dir, 'x86_64')).rejects.toMatchObject({
          code: 'kernel-config-changed',
          message: expect.stringMatching(/after vmlinux was linked: CONFIG_EXT4_FS \(m now\)$/) as string,
        });
      },
    );
  });

  describe('of a build in a folder of its own', () => {
    /** A toy build whose records name its source by path. */
    const objtree = async (base: string, spelled: string): Promise<string> => {
      const build = join(base, 'build');
      await makeToyKernel(join(base, 'src'));
      await makeToyKernel(build);
      await rm(join(build, 'init/main.c'));
      const record = join(build, 'init/.main.o.cmd');
      const text = await readFile(record, 'utf8');
      await writeFile(record, text.replaceAll('init/main.c', join(spelled, 'init/main.c')));
      return build;
    };

    it('finds the source, and keeps its path as the records spell it', async () => {
      await withTempDir('toy-objtree', async (base) => {
        await symlink('src', join(base, 'link'));
        for (const [written, source] of [
          [join(base, 'src'), join(base, 'src')],
          ['../src', join(base, 'src')],
          [join(base, 'link'), join(base, 'link')],
        ] as const) {
          const tree = await openKernel(await objtree(base, written), 'x86_64');
          expect(tree).toMatchObject({ dir: join(base, 'build'), source });
          expect(await sourceReader(tree)('lib/ctype.c')).toContain('int ctype');
        }
      });
    });

    it('refuses one whose source was moved, and names the old place', async () => {
      await withTempDir('toy-objtree', async (base) => {
        const build = await objtree(base, join(base, 'src'));
        await rename(join(base, 'src'), join(base, 'moved'));
        await expect(openKernel(build, 'x86_64')).rejects.toMatchObject({
          code: 'kernel-tree-moved',
          kind: 'refused',
          message: expect.stringContaining(join(base, 'src')) as string,
        });
      });
    });
  });

  it('refuses objects without sources', async () => {
    await expect(open({ files: { 'init/main.c': undefined } })).rejects.toMatchObject({
      code: 'kernel-not-built',
      message: expect.stringContaining('init/main.c') as string,
    });
  });

  it('refuses a tree whose own programs were made for another system', async () => {
    await withToyKernel({}, async (dir) => {
      const objtool = join(dir, 'tools/objtool/objtool');
      const answer = async (script: string): Promise<void> => {
        await mkdir(dirname(objtool), { recursive: true });
        await writeFile(objtool, script, { mode: 0o755 });
      };
      await answer('#!/bin/sh\necho usage >&2\nexit 129\n');
      await expect(openKernel(dir, 'x86_64')).resolves.toBeDefined();
      const complaint = "objtool: libc.so.6: version 'GLIBC_9.9' not found (required by objtool)";
      await answer(`#!/bin/sh\necho "${complaint}" >&2\nexit 1\n`);
      await expect(openKernel(dir, 'x86_64')).rejects.toMatchObject({
        code: 'build-tool-unusable',
        detail: { output: complaint },
      });
      await answer('not a program');
      await expect(openKernel(dir, 'x86_64')).rejects.toMatchObject({ code: 'build-tool-unusable' });
    });
  });

  it('does without the compiler cache that the build went through', async () => {
    await withToyKernel({}, async (dir) => {
      const record = join(dir, 'init/.main.o.cmd');
      const text = await readFile(record, 'utf8');
      await writeFile(record, text.replace(':= ', ':= /usr/lib/none/ccache '));
      await expect(openKernel(dir, 'x86_64')).resolves.toBeDefined();
    });
  });
});

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateFromTree } from '../../src/cli/tree.js';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { inspectTree } from '../../src/controller/tree.js';
import { ensureTreeImage, exportTreeBootFiles } from '../../src/controller/tree-image.js';
import { archData, guestOptions } from '../../src/shared/catalog.js';
import { toolchainOf } from '../../src/shared/compilers.js';
import { withTempDir } from '../../src/shared/files.js';
import type { ResultDocument } from '../../src/shared/result.js';
import { makeToyKernel, toyCompiler, withToyKernel, type ToyKernel } from '../fixtures/toy-kernel/make.js';

let docker: Docker;
let context: ControllerContext;
beforeAll(async () => {
  context = controllerContext({ progress: () => undefined, timings: {} });
  docker = await connectEngine(context);
});

/** Runs the engine on a toy tree, with a patch that does not fit it. */
async function generate(toy: ToyKernel, change: (dir: string) => Promise<void>): Promise<ResultDocument> {
  return withToyKernel(toy, async (dir) =>
    withTempDir('klp-test', async (work) => {
      await change(dir);
      const patch = join(work, 'a.patch');
      const lines = ['--- a/lib/ctype.c', '+++ b/lib/ctype.c', '@@ -1,1 +1,1 @@', '-not there', '+there', ''];
      await writeFile(patch, lines.join('\n'));
      const tree = await inspectTree(dir, undefined);
      const { result } = await generateFromTree(
        tree,
        { patches: [patch], outDir: join(work, 'out') },
        undefined,
        context,
      );
      return result;
    }),
  );
}

describe('a kernel tree in the image of its compiler', () => {
  it('is where it is on this machine, and cannot be written to', async () => {
    // The compiler's own words are another when it can leave a file in the tree.
    const probe = `#!/bin/sh\ntouch "$0.written" 2>/dev/null && echo writable || echo '${toyCompiler}'\n`;
    const result = await generate({}, async (dir) => {
      await writeFile(join(dir, 'bin/clang-19'), probe);
    });
    expect(result.findings.at(-1)).toMatchObject({ code: 'patch-does-not-apply' });
    expect(result.image?.ref).toContain('klp-docker-tree:llvm19-trixie-x86_64');
  });

  /** As the records of a real build have it: a name, which the image's own compiler answers to. */
  const compiledBy =
    (name: string) =>
    async (dir: string): Promise<void> => {
      const record = join(dir, 'init/.main.o.cmd');
      const text = await readFile(record, 'utf8');
      await writeFile(record, text.replace(join(dir, 'bin/clang-19'), name));
      await rm(join(dir, 'bin'), { recursive: true });
    };

  it.each(['clang-19', 'clang', '/usr/lib/llvm-19/bin/clang', 'ccache clang-19'])(
    'is compiled by the compiler of the image, recorded as `%s`',
    async (name) => {
      const result = await generate({}, compiledBy(name));
      expect(result.findings.at(-1)).toMatchObject({ code: 'patch-does-not-apply' });
    },
  );

  it('built with O= finds its source, which lies elsewhere and is mounted too', async () => {
    await withTempDir('klp-test', async (base) => {
      const source = join(base, 'src');
      await makeToyKernel(source);
      const result = await generate({}, async (dir) => {
        const record = join(dir, 'init/.main.o.cmd');
        const text = await readFile(record, 'utf8');
        await writeFile(record, text.replaceAll('init/main.c', join(source, 'init/main.c')));
        for (const path of ['init/main.c', 'lib/ctype.c']) await rm(join(dir, path));
      });
      const [found] = result.findings.slice(-1);
      expect(found?.code).toBe('patch-does-not-apply');
      expect(found?.output).toContain('int ctype(void)');
    });
  });

  it('is refused when the compiler of the image is another version', async () => {
    const [now, before] = [toyCompiler, 'Debian clang version 19.1.6 (1)'];
    const result = await generate({ compiler: before }, compiledBy('clang-19'));
    expect(result.findings.at(-1)).toMatchObject({ code: 'compiler-mismatch', severity: 'error' });
    expect(result.findings.at(-1)?.message).toContain(before);
    expect(result.findings.at(-1)?.message).toContain(now);
    expect(result.findings.at(-1)?.advice).toContain('docker rmi klp-docker-tree:llvm19-trixie-x86_64');
  });

  it('gives what its kernel is booted with', async () => {
    const arch = archData('x86_64');
    const toolchain = toolchainOf(toyCompiler);
    if (toolchain === undefined) throw new Error('the toy compiler is none of the catalogue');
    const config = Object.fromEntries(guestOptions(arch).map((name) => [name, 'y']));
    const files = { [arch.kernelImage]: 'a kernel', 'modules.order': '' };
    await withToyKernel({ config, files }, async (dir) =>
      withTempDir('klp-test', async (boot) => {
        const image = await ensureTreeImage(docker, await inspectTree(dir, undefined), toolchain, context);
        const assets = await exportTreeBootFiles(docker, image, boot, context);
        expect(assets).toMatchObject({ release: '6.12.107-toy', arch: 'x86_64' });
        expect(await readFile(assets.kernel, 'utf8')).toBe('a kernel');
        expect((await readFile(assets.busybox)).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
        expect(await readdir(join(boot, 'modules/lib/modules/6.12.107-toy'))).toContain('modules.dep');
      }),
    );
  });

  it('needs an engine that can see it', async () => {
    await withToyKernel({}, async (dir) => {
      const tree = await inspectTree(dir, undefined);
      const env = { ...context.env, DOCKER_HOST: 'tcp://192.0.2.1:2375' };
      const toolchain = toolchainOf(toyCompiler);
      if (toolchain === undefined) throw new Error('the toy compiler is none of the catalogue');
      await expect(ensureTreeImage(docker, tree, toolchain, { ...context, env })).rejects.toMatchObject({
        code: 'kernel-tree-not-mountable',
        kind: 'environment',
      });
    });
  });
});

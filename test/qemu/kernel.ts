import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { runConfined } from '../../src/controller/docker/container.js';
import { ensureImage } from '../../src/controller/images.js';
import { unpackUntrusted } from '../../src/controller/unpack.js';
import { archData } from '../../src/shared/catalog.js';
import type { BootAssets } from '../../src/verify/types.js';
import type { TestedKernel } from '../setup/engine.js';

/** A kernel to boot, and modules built for it. */
export interface TestKernel {
  assets: BootAssets;
  /** The folder of the built modules. */
  dir: string;
  /** Path of a module: `klp_case_<name>.ko`. */
  module: (name: string) => string;
  cacheDir: string;
  remove: () => Promise<void>;
}

/**
 * A kernel, from its image. The modules are built in the image, as a user's would be.
 * @param folder what to build, beside this file
 * @param variables for make
 */
export async function testKernel(
  tested: TestedKernel,
  folder = 'modules',
  variables: readonly string[] = [],
): Promise<TestKernel> {
  const context = controllerContext({ progress: () => undefined, timings: {} });
  const dir = await mkdtemp(join(tmpdir(), 'klp-cases-'));
  const assets = await withEngine(context, async (docker) => {
    const image = await ensureImage(docker, tested, context);
    let output = '';
    const say = (text: string): void => void (output += text);
    await runConfined(
      docker,
      {
        image: image.digest,
        argv: [
          ...['make', '-C', '/usr/src/linux', `ARCH=${archData(image.arch).kernelArch}`],
          ...[`LLVM=-${image.llvm}`, 'M=/job', ...variables, 'modules'],
        ],
        input: join(import.meta.dirname, folder),
        workDir: '/job',
        memory: 2048,
        onStdout: say,
        onStderr: say,
      },
      context,
      async ({ exitCode, archiveOf }) => {
        if (exitCode !== 0) throw new Error(`the test modules do not build:\n${output}`);
        await unpackUntrusted(await archiveOf('/job'), dir, {
          bytes: 64 * 1024 * 1024,
          files: 500,
          nested: true,
        });
      },
    );
    return exportBootAssets(docker, image, context);
  });
  return {
    assets,
    dir,
    module: (name) => join(dir, `klp_case_${name}.ko`),
    cacheDir: context.cacheDir,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

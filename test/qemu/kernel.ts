import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { runConfined } from '../../src/controller/docker/container.js';
import { ensureImage, type Image } from '../../src/controller/images.js';
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

/** The command that builds the modules in /job. */
export function makeModules({ arch, llvm }: Image, variables: readonly string[] = []): string[] {
  const kernel = ['-C', '/usr/src/linux', `ARCH=${archData(arch).kernelArch}`, `LLVM=-${llvm}`];
  return ['make', ...kernel, 'M=/job', ...variables, 'modules'];
}

/**
 * Runs a command of an image on a copy of a folder in /job, and unpacks what has become of that.
 * @param to the folder that it is unpacked into
 * @throws Error when the command fails, with what it said
 */
export async function runInImage(
  docker: Docker,
  image: Image,
  input: string,
  argv: string[],
  to: string,
  context: ControllerContext,
): Promise<void> {
  let output = '';
  const say = (text: string): void => void (output += text);
  const run = {
    image: image.digest,
    argv,
    input,
    workDir: '/job',
    memory: 4096,
    onStdout: say,
    onStderr: say,
  };
  await runConfined(docker, run, context, async ({ exitCode, archiveOf }) => {
    if (exitCode !== 0) throw new Error(`${argv[0]} fails in ${image.ref}:\n${output}`);
    const limits = { bytes: 256 * 1024 * 1024, files: 1000, nested: true };
    await unpackUntrusted(await archiveOf('/job'), to, limits);
  });
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
    const folderPath = join(import.meta.dirname, folder);
    await runInImage(docker, image, folderPath, makeModules(image, variables), dir, context);
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

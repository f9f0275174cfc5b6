import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { projectRoot } from '../shared/catalog.js';
import { type Toolchain } from '../shared/compilers.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir } from '../shared/files.js';
import { stage } from '../shared/progress.js';
import type { BootAssets } from '../verify/types.js';
import { bootLimits, describeBootFiles } from './boot.js';
import { ensureToolchain, proxyArgs, toolchainRef } from './build.js';
import type { ControllerContext } from './context.js';
import { needSpace } from './disk.js';
import { buildImage } from './docker/build.js';
import { isLocal } from './docker/connect.js';
import { runConfined } from './docker/container.js';
import { imagesWithLabel, removeUnnamed, tagImage } from './docker/images.js';
import { label } from './labels.js';
import { withLock } from './lock.js';
import { engineFiles, kernelArgs, kernelConfig, recipe } from './recipe.js';
import type { UserTree } from './tree.js';
import { unpackUntrusted } from './unpack.js';

/** An image that a kernel tree is mounted into: the tree's compiler, and our engine. */
export interface TreeImage {
  ref: string;
  digest: string;
  origin: 'present' | 'built';
  /** The image with the compiler that it was made of. */
  toolchain: string;
  arch: string;
  tree: UserTree;
  /** Where the compiler's programs are under their plain names, as a build with `LLVM=1` recorded them. */
  env: Record<string, string>;
}

/**
 * The image for a kernel tree: made of the toolchain image with the compiler that the kernel names.
 * @throws KlpError `kernel-tree-not-mountable`, and what image builds throw
 */
export async function ensureTreeImage(
  docker: Docker,
  tree: UserTree,
  toolchain: Toolchain,
  context: ControllerContext,
): Promise<TreeImage> {
  if (!isLocal(context.env)) {
    throw new KlpError(
      'kernel-tree-not-mountable',
      `${tree.dir} is on this machine, and the Docker engine (${context.env.DOCKER_HOST ?? ''}) may be on another`,
    );
  }
  const { arch } = tree;
  const of = recipe(arch, toolchain.llvm, kernelConfig('tiny', arch), undefined, toolchain);
  const root = projectRoot();
  const engine = engineFiles();
  const own = await readFile(join(root, 'Dockerfile.tree'), 'utf8');
  const scripts = ['userland.sh', 'tree-boot.sh'].map((name) => join(root, 'images', 'build', name));
  const texts = await Promise.all(scripts.map((path) => readFile(path)));
  const inputs = createHash('sha256')
    .update([of.toolchainSha256, engine.sha256, own, of.dockerfile.engine, ...texts].join('\0'))
    .digest('hex');
  const ref = `klp-docker-tree:llvm${toolchain.llvm}-${toolchain.suite}-${arch.name}`;
  const present = async (): Promise<string | undefined> =>
    (await imagesWithLabel(docker, `${label.tree}=${inputs}`, context.signal)).find((i) => i.ref === ref)?.id;
  return withLock(ref, `the image of LLVM ${toolchain.llvm} for ${arch.name} trees`, context, async () => {
    const bin = `/usr/lib/llvm-${toolchain.llvm}/bin`;
    const about = {
      ref,
      toolchain: toolchainRef(of),
      arch: arch.name,
      tree,
      env: { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin` },
    };
    const here = await present();
    if (here !== undefined) return { ...about, digest: here, origin: 'present' as const };
    const base = await ensureToolchain(docker, of, context);
    const id = await stage('image for the tree', context, () =>
      buildImage(
        docker,
        {
          dockerfile: `${own}${of.dockerfile.engine}`,
          files: { ...engine.files, 'images/build': join(root, 'images', 'build') },
          args: { ...proxyArgs(context.env), TOOLCHAIN: base, DEBIAN_ARCH: arch.debianArch },
          labels: {
            [label.stage]: 'tree',
            [label.llvm]: String(toolchain.llvm),
            [label.arch]: arch.name,
            [label.tree]: inputs,
          },
        },
        context,
      ),
    );
    await tagImage(docker, id, ref, context.signal);
    await removeUnnamed(docker, `${label.stage}=tree`, context.signal);
    return { ...about, digest: id, origin: 'built' as const };
  });
}

/** Boot files of a tree may be large: modules with all their symbols. MiB of memory for what copies them. */
const copyMemory = 1024;

/**
 * Copies what a test boot of a tree's kernel needs to a folder, from the tree and the image; the tree is only read.
 * @throws KlpError `boot-files-unusable`, `container-failed`, `no-disk-space`
 */
export async function exportTreeBootFiles(
  docker: Docker,
  image: TreeImage,
  dir: string,
  context: ControllerContext,
): Promise<BootAssets> {
  await needSpace(dir, 1024 ** 3, 'the boot files');
  const { tree } = image;
  const work = '/job';
  const output: string[] = [];
  await withTempDir('klp-docker-job', async (input) => {
    await mkdir(join(input, 'boot'));
    for (const path of [input, join(input, 'boot')]) await chmod(path, 0o777);
    await stage('boot files', context, () =>
      runConfined(
        docker,
        {
          image: image.digest,
          argv: ['sh', '/klp/tree-boot.sh'],
          env: {
            ...image.env,
            TREE: tree.dir,
            KERNEL_IMAGE: kernelArgs(tree.arch).KERNEL_IMAGE ?? '',
            KLP_ARCH: tree.arch.name,
            LLVM: String(tree.toolchain?.llvm ?? 0),
            BOOT: `${work}/boot`,
          },
          input,
          workDir: work,
          mounts: tree.folders,
          user: tree.owner,
          memory: copyMemory,
          onStdout: (text) => output.push(text),
          onStderr: (text) => output.push(text),
        },
        context,
        async ({ exitCode, archiveOf }) => {
          if (exitCode !== 0) {
            throw new KlpError(
              'container-failed',
              `the boot files of ${tree.dir} could not be put together`,
              {
                output: output.join(''),
              },
            );
          }
          await unpackUntrusted(await archiveOf(`${work}/boot`), dir, bootLimits);
        },
      ),
    );
  });
  return describeBootFiles(dir, tree.dir);
}

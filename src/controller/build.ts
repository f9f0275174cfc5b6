import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { debianData, kernelSemver, projectRoot } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { Series } from '../shared/series.js';
import { ensureBase } from './base.js';
import type { ControllerContext } from './context.js';
import { needSpace } from './disk.js';
import { buildImage } from './docker/build.js';
import { isLocal } from './docker/connect.js';
import { readImageFile } from './docker/container.js';
import { imageId, removeUnnamed, tagImage } from './docker/images.js';
import { engineCall } from './docker/stream.js';
import { label } from './labels.js';
import { withLock } from './lock.js';
import { engineFiles, kernelArgs, type Recipe } from './recipe.js';
import { mirrorOf } from './sources/debian.js';
import type { ResolvedSource } from './sources/types.js';

const GiB = 1024 ** 3;
/** What a build takes at its peak in the storage of the engine and in the cache; estimates on the safe side. */
const buildSpace = { tiny: 9 * GiB, defconfig: 24 * GiB, file: 24 * GiB };
const downloadSpace = 0.5 * GiB;

/** The lines of sources.list that give a suite's packages: its base, the base's security updates, itself. */
export function sourcesList(suite: string, env: ControllerContext['env']): string[] {
  const { suites } = debianData();
  const base = suites[suite]?.base ?? suite;
  const names = [base, `${base}-security`, suite].filter(
    (name, i, all) => name in suites && all.indexOf(name) === i,
  );
  return names.map((name) => `deb ${mirrorOf(name, env)} ${name} main`);
}

/** The name of the image with a recipe's compiler. */
export function toolchainRef({ toolchain: { llvm, suite }, toolchainSha256 }: Recipe): string {
  return `klp-docker-toolchain:llvm${llvm}-${suite}-${toolchainSha256.slice(0, 8)}`;
}

/** The image with the compiler, made of what Debian has now when it is not there; returns its name. */
export async function ensureToolchain(
  docker: Docker,
  recipe: Recipe,
  context: ControllerContext,
): Promise<string> {
  const { llvm, suite, packages } = recipe.toolchain;
  const ref = toolchainRef(recipe);
  return withLock(ref, `the image of LLVM ${llvm}`, context, async () => {
    if ((await imageId(docker, ref, context.signal)) !== undefined) return ref;
    const base = await stage('base image', context, () =>
      ensureBase(docker, debianData().suites[suite]?.base ?? suite, context),
    );
    const id = await stage('toolchain', context, () =>
      buildImage(
        docker,
        {
          dockerfile: recipe.dockerfile.toolchain,
          target: 'toolchain',
          // Kernel images keep the layers of an image that was removed to get Debian's present compiler.
          fresh: true,
          files: { 'images/build': join(projectRoot(), 'images', 'build') },
          args: {
            ...proxyArgs(context.env),
            BASE: base,
            SOURCES: sourcesList(suite, context.env).join(';'),
            PACKAGES: packages.join(' '),
          },
          labels: { [label.stage]: 'toolchain', [label.llvm]: String(llvm) },
        },
        context,
      ),
    );
    await tagImage(docker, id, ref, context.signal);
    return ref;
  });
}

/**
 * Builds the image with a kernel in it and names it `ref` when all went well; until then it has no name.
 * @throws KlpError `no-disk-space`, `image-build-failed`, `config-lost-option`, download and base image errors
 */
export async function buildKernelImage(
  docker: Docker,
  ref: string,
  recipe: Recipe,
  source: ResolvedSource,
  labels: Record<string, string>,
  context: ControllerContext,
): Promise<void> {
  if (isLocal(context.env)) {
    const { DockerRootDir } = (await engineCall('describe itself', context.signal, () => docker.info())) as {
      DockerRootDir: string;
    };
    await needSpace(DockerRootDir, buildSpace[recipe.config.name], 'building a kernel image');
  }
  await needSpace(context.cacheDir, downloadSpace, 'the kernel source');
  const archive = await stage('kernel source', context, source.fetch, source.origin);
  const toolchain = await ensureToolchain(docker, recipe, context);
  const { arch, config, series, toolchain: compiler } = recipe;
  const images = join(projectRoot(), 'images');
  const id = await stage('kernel build', context, () =>
    buildImage(
      docker,
      {
        dockerfile: `FROM ${toolchain}\n${recipe.dockerfile.kernel}`,
        files: {
          'images/build': join(images, 'build'),
          'images/config': join(images, 'config'),
          [source.contextName]: archive,
          ...Object.fromEntries(
            Object.entries(series.files).map(([name, path]) => [`images/series/${name}`, path]),
          ),
          ...(config.file === undefined ? {} : { 'kernel.config': config.file }),
        },
        args: {
          ...proxyArgs(context.env),
          ...kernelArgs(arch),
          ...(config.name === 'file' ? { FRAGMENTS: '' } : {}),
          LLVM: `-${compiler.llvm}`,
          KERNEL: source.madeVersion ?? kernelSemver(source.version),
          CONFIG: config.name,
          SERIES: Object.keys(series.files).join(' '),
          SERIES_NAMES: series.names.join(' '),
        },
        labels,
      },
      context,
    ).catch((error: unknown) => {
      throw withTried(error, series);
    }),
  );
  const dotConfig = await readImageFile(docker, id, '/usr/src/linux/.config', context.signal);
  const configSha256 = createHash('sha256').update(dotConfig).digest('hex');
  const facts = { ...labels, [label.stage]: 'kernel', [label.configSha256]: configSha256 };
  const request = { dockerfile: `FROM ${id}\n`, files: {}, args: {}, labels: facts };
  await tagImage(docker, await buildImage(docker, request, context), ref, context.signal);
}

/** To patches that do not apply, adds where they did. */
export function withTried(error: unknown, { names, tried }: Series): unknown {
  if (!(error instanceof KlpError) || error.code !== 'series-does-not-apply') return error;
  const where = tried === undefined ? 'was tried on no release yet' : `was tried up to ${tried}`;
  return new KlpError(error.code, `${error.message} (${names.join(', ')} ${where})`, error.detail);
}

/** Puts this version's engine on a kernel image and names the result `ref`. Takes about a second. */
export async function addEngine(
  docker: Docker,
  kernelRef: string,
  ref: string,
  recipe: Recipe,
  context: ControllerContext,
): Promise<void> {
  const engine = engineFiles();
  const id = await stage('engine layer', context, () =>
    buildImage(
      docker,
      {
        dockerfile: `FROM ${kernelRef}\n${recipe.dockerfile.engine}`,
        files: engine.files,
        args: {},
        labels: { [label.stage]: 'engine', [label.engine]: engine.sha256 },
      },
      context,
    ),
  );
  await tagImage(docker, id, ref, context.signal);
  await removeUnnamed(docker, `${label.stage}=engine`, context.signal);
}

/** Proxy settings, which Docker hands to RUN steps without them being declared and without caching by them. */
export function proxyArgs(env: ControllerContext['env']): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

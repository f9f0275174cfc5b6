import type Docker from 'dockerode';
import semver from 'semver';
import { archData, checkKernelSupported, kernelSemver } from '../shared/catalog.js';
import { llvmFor } from '../shared/compilers.js';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import { noSeries, seriesFor } from '../shared/series.js';
import { buildNote } from './build-note.js';
import { addEngine, buildKernelImage } from './build.js';
import type { ControllerContext } from './context.js';
import {
  checkMachine,
  imageId,
  imagesWithLabel,
  pullImage,
  pushImage,
  tagImage,
  type LocalImage,
} from './docker/images.js';
import { label } from './labels.js';
import { withLock } from './lock.js';
import {
  engineFiles,
  imageTag,
  inputsHash,
  kernelConfig,
  recipe,
  type KernelConfig,
  type Recipe,
} from './recipe.js';
import { parseSource, resolveSource } from './sources.js';
import { choose } from './sources/kernel-org.js';

/** What an image is asked for by. */
export interface ImageRequest {
  /** `6.12` or `6.12.107`. */
  kernel: string;
  /** Name or alias of an architecture. */
  arch: string;
  llvm?: number;
  /** `tiny` (the default), `defconfig`, or a file. */
  config?: string;
  /** As for `--source`; the default tries kernel.org, then Debian. */
  source?: string;
  /** Apply the project's own patches to the kernel where it needs some (default). */
  series?: boolean;
  /** Look in the registry before building. */
  pull?: boolean;
  /** Build when there is no image (default); otherwise `image-not-found`. */
  build?: boolean;
}

/** An image that is here and ready. */
export interface Image {
  ref: string;
  /** The engine's id of the image, which names its content. */
  digest: string;
  /** The id of the image without our engine: it stays the same when only the engine changes. */
  kernelDigest: string;
  origin: 'present' | 'built' | 'pulled';
  /** Full kernel version. */
  kernel: string;
  arch: string;
  llvm: number;
  config: string;
  /** Of the kernel's .config. */
  configSha256: string;
  sourceSha256: string;
  source: string;
  /** Names of the sets of the project's own patches in the kernel. */
  series: string[];
}

/** Images with a kernel but no engine, and with both; the tags are the same. */
const kernelRepository = 'klp-docker-kernel';
const repository = 'klp-docker';

/**
 * The image for a kernel: one that is here, else pulled when asked for, else built. An image that holds another
 * engine than this program's gets this program's, which takes a second. When `6.12` was asked for and an image
 * of some 6.12.x is here, the newest of those is taken and no network is used.
 * @throws KlpError: everything that sources, builds and registries throw
 */
export async function ensureImage(
  docker: Docker,
  request: ImageRequest,
  context: ControllerContext,
): Promise<Image> {
  const arch = archData(request.arch);
  kernelSemver(request.kernel);
  const config = kernelConfig(request.config ?? 'tiny', arch);
  const present = await findPresent(docker, request, config, context);
  if (present) return withEngineOf(docker, present, 'present', request, context);
  const spec = parseSource(request.source);
  const absent = (): KlpError =>
    new KlpError('image-not-found', `there is no image of Linux ${request.kernel} for ${arch.name}`);
  // What a folder, a file or a tag holds is known only when it has been looked at.
  const certain = ['default', 'kernel.org', 'debian'].includes(spec.kind);
  if (certain && request.build === false && request.pull !== true) throw absent();
  checkKernelSupported(request.kernel, arch, request.series);
  llvmFor(request.kernel, arch, request.llvm);
  const source = await stage('resolve source', context, () => resolveSource(request.kernel, spec, context));
  checkKernelSupported(source.version, arch, request.series);
  const of = recipeOf(source.version, request, config);
  const inputs = inputsHash(of, source.sha256);
  const tag = imageTag(of, source.version, inputs);
  const kernelRef = `${kernelRepository}:${tag}`;
  const origin = await withLock(kernelRef, `the image of Linux ${source.version}`, context, async () => {
    if ((await imageId(docker, kernelRef, context.signal)) !== undefined) return 'present';
    if (request.pull === true && (await pullTo(docker, tag, kernelRef, context))) return 'pulled';
    if (request.build === false) throw absent();
    const kernels = await imagesWithLabel(docker, label.inputs, context.signal);
    context.progress({ type: 'note', text: buildNote(source.version, of, kernels) });
    const labels = {
      [label.kernel]: source.version,
      [label.arch]: arch.name,
      [label.llvm]: String(of.toolchain.llvm),
      [label.config]: config.name,
      [label.inputs]: inputs,
      [label.series]: of.series.names.join(' '),
      [label.source]: source.origin,
      [label.sourceSha256]: source.sha256,
    };
    await buildKernelImage(docker, kernelRef, of, source, labels, context);
    return 'built';
  });
  const made = (await imagesWithLabel(docker, label.inputs, context.signal)).find(
    (image) => image.ref === kernelRef,
  );
  if (!made) throw new KlpError('image-unusable', `${kernelRef} lacks the labels of an image of klp-docker`);
  return withEngineOf(docker, made, origin, request, context);
}

/** The recipe for a full kernel version. @throws KlpError `llvm-does-not-fit`, `unknown-llvm` */
function recipeOf(kernel: string, request: ImageRequest, config: KernelConfig): Recipe {
  const arch = archData(request.arch);
  const series = request.series === false ? noSeries : seriesFor(kernel, arch);
  return recipe(arch, llvmFor(kernel, arch, request.llvm), config, series);
}

/** The newest kernel image here that the request describes and that this version's recipe would make again. */
async function findPresent(
  docker: Docker,
  request: ImageRequest,
  config: KernelConfig,
  context: ControllerContext,
): Promise<LocalImage | undefined> {
  const arch = archData(request.arch);
  const fits = (image: LocalImage): boolean => {
    const { kernel, llvm, source, sourceSha256, inputs } = pick(image.labels);
    if (!image.ref.startsWith(`${kernelRepository}:`) || image.labels[label.arch] !== arch.name) return false;
    if (choose(request.kernel, [kernel]) === undefined) return false;
    if (request.source !== undefined && !comesFrom(source, request.source)) return false;
    try {
      const of = recipeOf(kernel, request, config);
      return llvm === of.toolchain.llvm && inputsHash(of, sourceSha256) === inputs;
    } catch (error) {
      if (error instanceof KlpError && error.kind !== 'defect') return false;
      throw error;
    }
  };
  const found = (await imagesWithLabel(docker, label.inputs, context.signal)).filter(fits);
  const version = (image: LocalImage): string => kernelSemver(image.labels[label.kernel] ?? '');
  return found.sort((a, b) => semver.compare(version(b), version(a)) || b.created - a.created)[0];
}

/** Whether an image's source (`debian:trixie`, a path, ...) is what `--source` asks for now. */
function comesFrom(source: string, asked: string): boolean {
  const spec = parseSource(asked);
  // A folder, a file or a tag may have changed since: those are looked at again.
  if (spec.kind === 'debian')
    return spec.suite === undefined ? source.startsWith('debian:') : source === asked;
  return spec.kind === 'default' || (spec.kind === 'kernel.org' && source === 'kernel.org');
}

function pick(labels: Record<string, string>) {
  return {
    kernel: labels[label.kernel] ?? '',
    arch: labels[label.arch] ?? '',
    llvm: Number(labels[label.llvm]),
    config: labels[label.config] ?? '',
    configSha256: labels[label.configSha256] ?? '',
    source: labels[label.source] ?? '',
    sourceSha256: labels[label.sourceSha256] ?? '',
    inputs: labels[label.inputs] ?? '',
    series: (labels[label.series] ?? '').split(' ').filter((name) => name !== ''),
  };
}

async function withEngineOf(
  docker: Docker,
  kernelImage: LocalImage,
  origin: Image['origin'],
  request: ImageRequest,
  context: ControllerContext,
): Promise<Image> {
  await checkMachine(docker, kernelImage.ref, context.signal);
  const { inputs, ...about } = pick(kernelImage.labels);
  const of = recipeOf(about.kernel, request, kernelConfig(request.config ?? 'tiny', archData(about.arch)));
  const ref = `${repository}:${imageTag(of, about.kernel, inputs)}`;
  const engine = engineFiles().sha256;
  const digest = await withLock(ref, `the image of Linux ${about.kernel}`, context, async () => {
    const here = (await imagesWithLabel(docker, `${label.engine}=${engine}`, context.signal)).find(
      (i) => i.ref === ref,
    );
    if (here) return here.id;
    await addEngine(docker, kernelImage.ref, ref, of, context);
    return imageId(docker, ref, context.signal);
  });
  if (digest === undefined) throw new KlpError('image-unusable', `${ref} disappeared while it was made`);
  return { ref, digest, kernelDigest: kernelImage.id, origin, ...about };
}

/** The name an image has in the user's registry (KLP_DOCKER_REGISTRY). @throws KlpError `registry-not-set` */
function remoteRef(tag: string, context: ControllerContext): string {
  const registry = context.env.KLP_DOCKER_REGISTRY?.replace(/\/+$/, '');
  if (!registry) throw new KlpError('registry-not-set', 'KLP_DOCKER_REGISTRY names no registry');
  return `${registry}/${repository}:${tag}`;
}

async function pullTo(
  docker: Docker,
  tag: string,
  ref: string,
  context: ControllerContext,
): Promise<boolean> {
  const remote = remoteRef(tag, context);
  const found = await stage('pull', context, () => pullImage(docker, remote, context), remote);
  if (!found) return false;
  await checkMachine(docker, remote, context.signal);
  await tagImage(docker, remote, ref, context.signal);
  return true;
}

/**
 * Pushes an image to the registry and returns its reference there and its digest.
 * @throws KlpError `registry-not-set`, `registry-failed`
 */
export async function pushToRegistry(
  docker: Docker,
  image: Image,
  context: ControllerContext,
): Promise<{ ref: string; digest: string }> {
  const ref = remoteRef(image.ref.slice(image.ref.lastIndexOf(':') + 1), context);
  await tagImage(docker, image.ref, ref, context.signal);
  const digest = await stage('push', context, () => pushImage(docker, ref, context), ref);
  return { ref, digest };
}

/** The project's images that this engine holds, the newest kernel first. `size` in bytes, `created`: when the kernel was built, in seconds since 1970. */
export async function listImages(
  docker: Docker,
  context: Pick<ControllerContext, 'signal'>,
): Promise<
  {
    ref: string;
    digest: string;
    kernel: string;
    arch: string;
    llvm: number;
    config: string;
    series: string[];
    size: number;
    created: number;
  }[]
> {
  const [all, kernels] = await Promise.all([
    imagesWithLabel(docker, label.engine, context.signal),
    imagesWithLabel(docker, label.inputs, context.signal),
  ]);
  // The engine's layer is made anew with every version of this program; what people mean is the kernel.
  const builtAt = (image: LocalImage): number => {
    const kernelRef = `${kernelRepository}:${image.ref.slice(image.ref.lastIndexOf(':') + 1)}`;
    return kernels.find(({ ref }) => ref === kernelRef)?.created ?? image.created;
  };
  return all
    .map((image) => {
      const { kernel, arch, llvm, config, series } = pick(image.labels);
      return {
        ref: image.ref,
        digest: image.id,
        kernel,
        arch,
        llvm,
        config,
        series,
        size: image.size,
        created: builtAt(image),
      };
    })
    .sort((a, b) => b.kernel.localeCompare(a.kernel, 'en', { numeric: true }) || a.ref.localeCompare(b.ref));
}

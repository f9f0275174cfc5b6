import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { archData, debianData, projectRoot, supportedArchs, type ArchData } from '../shared/catalog.js';
import { toolchainData, type Toolchain } from '../shared/compilers.js';
import { KlpError } from '../shared/errors.js';
import { noSeries, seriesList, type Series } from '../shared/series.js';

/** Raised when images made before must not be used any more though none of their inputs changed. */
const recipeVersion = 1;
/** The lines that part a Dockerfile: what comes before each is an image of its own and may be here already. */
const partLines = ['FROM toolchain AS kernel\n', 'FROM kernel AS engine\n'] as const;
const buildScripts = [
  'toolchain.sh',
  'userland.sh',
  'unpack.sh',
  'series.sh',
  'configure.sh',
  'kernel.sh',
  'boot.sh',
];

/** How a kernel is configured. */
export interface KernelConfig {
  /** The name in the image's tag. */
  name: 'tiny' | 'defconfig' | 'file';
  /** The user's file, when it is one (absolute). */
  file?: string;
  /** Of the user's file or of the project's fragments. */
  sha256: string;
}

/** All that decides what an image will be, the kernel's source apart. */
export interface Recipe {
  arch: ArchData;
  toolchain: Toolchain;
  config: KernelConfig;
  /** The project's own patches to this kernel. */
  series: Series;
  /** The Dockerfile's three parts. The later two begin after their FROM line. */
  dockerfile: { toolchain: string; kernel: string; engine: string };
  /** SHA-256 of what makes the compiler's image, and of what makes the kernel's. */
  toolchainSha256: string;
  sha256: string;
}

function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  // The length before each part keeps two lists that join to the same bytes apart.
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

/**
 * `--config`: `tiny`, `defconfig`, or the path of a .config file.
 * @throws KlpError `config-not-found`
 */
export function kernelConfig(text: string, arch: ArchData): KernelConfig {
  const dir = join(projectRoot(), 'images', 'config');
  const read = (name: string): Buffer => readFileSync(join(dir, name));
  if (text === 'tiny' || text === 'defconfig') {
    const own =
      text === 'tiny'
        ? ['livepatch.config', 'verify.config', 'tiny.config']
        : ['livepatch.config', 'verify.config'];
    return { name: text, sha256: sha256(text, ...[...own, ...arch.configFragments].map(read)) };
  }
  const file = resolve(text);
  try {
    return { name: 'file', file, sha256: sha256('file', readFileSync(file), read('livepatch.config')) };
  } catch (error) {
    throw new KlpError('config-not-found', `cannot read the kernel configuration ${text}`, { cause: error });
  }
}

/** Puts together what an image of an architecture, an LLVM version, a configuration and a series is made of. */
export function recipe(
  arch: ArchData,
  llvm: number,
  config: KernelConfig,
  series: Series = noSeries,
  toolchain: Toolchain = toolchainData(llvm),
): Recipe {
  const root = projectRoot();
  const dockerfile = parts(
    `Dockerfile.${arch.name}`,
    readFileSync(join(root, `Dockerfile.${arch.name}`), 'utf8'),
  );
  const script = (name: string): Buffer => readFileSync(join(root, 'images', 'build', name));
  const toolchainSha256 = sha256(
    String(recipeVersion),
    JSON.stringify(toolchain),
    JSON.stringify(debianData().suites[toolchain.suite]),
    dockerfile.toolchain,
    script('toolchain.sh'),
  );
  return {
    arch,
    toolchain,
    config,
    series,
    dockerfile,
    toolchainSha256,
    sha256: sha256(
      toolchainSha256,
      dockerfile.kernel,
      ...buildScripts.map(script),
      config.sha256,
      series.sha256,
      JSON.stringify(kernelArgs(arch)),
    ),
  };
}

/** What the Dockerfile's kernel part is told of an architecture. */
export function kernelArgs(arch: ArchData): Record<string, string> {
  return {
    ARCH: arch.kernelArch,
    KLP_ARCH: arch.name,
    DEBIAN_ARCH: arch.debianArch,
    TRIPLE: arch.triple,
    FRAGMENTS: arch.configFragments.join(' '),
    TARGET: arch.kernelImageTarget,
    KERNEL_IMAGE: arch.kernelImage,
  };
}

function parts(name: string, text: string): Recipe['dockerfile'] {
  const [build, engine] = partLines.map((line) => text.indexOf(line));
  if (build === undefined || engine === undefined || build === -1 || engine < build) {
    throw new KlpError(
      'internal',
      `${name} lacks the lines "${partLines.map((line) => line.trim()).join('", "')}"`,
    );
  }
  return {
    toolchain: text.slice(0, build),
    kernel: text.slice(build + partLines[0].length, engine),
    engine: text.slice(engine + partLines[1].length),
  };
}

/** The hash that names an image: its recipe and the kernel's source. */
export function inputsHash(of: Recipe, sourceSha256: string): string {
  return sha256(of.sha256, sourceSha256);
}

/** `6.12.107-x86_64-llvm19-tiny-1a2b3c4d` */
export function imageTag(of: Recipe, kernel: string, inputs: string): string {
  return `${kernel}-${of.arch.name}-llvm${of.toolchain.llvm}-${of.config.name}-${inputs.slice(0, 8)}`;
}

/** What goes into the engine's layer: names in the build context to paths, and the hash of all of it. */
export function engineFiles(): { files: Record<string, string>; sha256: string } {
  const root = projectRoot();
  const bundle = join(root, 'dist', 'llpatch.mjs');
  if (!statSync(bundle, { throwIfNoEntry: false })) {
    throw new KlpError('internal', `${bundle} is missing: the engine was not bundled`, {
      advice: 'Run `npm run build`.',
    });
  }
  const files: Record<string, string> = {
    'package.json': join(root, 'package.json'),
    'dist/llpatch.mjs': bundle,
    'images/catalog': join(root, 'images', 'catalog'),
  };
  const catalog = readdirSync(files['images/catalog'] ?? '', { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => join(root, 'images', 'catalog', name))
    .filter((path) => statSync(path).isFile());
  for (const arch of supportedArchs().map(archData)) {
    const list = seriesList(arch);
    if (list === undefined) continue;
    files[`images/series/${arch.name}/${basename(list)}`] = list;
    catalog.push(list);
  }
  const all = [bundle, files['package.json'] ?? '', ...catalog].map((path) => readFileSync(path));
  return { files, sha256: sha256(...all) };
}

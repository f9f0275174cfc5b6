import { InvalidArgumentError, Option } from 'commander';
import type { ImageRequest } from '../controller/images.js';
import { kernelConfig } from '../controller/recipe.js';
import { parseSource } from '../controller/sources.js';
import { archData, checkKernelSupported, hostArch, supportedArchs } from '../shared/catalog.js';
import { llvmFor } from '../shared/compilers.js';
import { KlpError } from '../shared/errors.js';
import type { OptionSpec } from './verb.js';

/** The options that name a kernel and its image; `generate`, `verify`, `shell` and `build` share them. */
export interface KernelOptions {
  kernel: string;
  /** This machine's unless given. */
  arch?: string;
  llvm?: number;
  config?: string;
  source?: string;
  pull?: boolean;
  arm64Series?: boolean;
}

/** The options of KernelOptions; `--kernel` is mandatory unless told otherwise. */
export function kernelOptions({ mandatory } = { mandatory: true }): OptionSpec[] {
  return [
    new Option('--kernel <version>', 'kernel version, e.g. 6.12 or 6.12.107').makeOptionMandatory(mandatory),
    [
      '--arch <arch>',
      `architecture: ${supportedArchs().join(', ')}, or an alias; this machine's unless given`,
    ],
    new Option(
      '--llvm <version>',
      'LLVM version, e.g. 19; the one that fits the kernel unless given',
    ).argParser(llvmVersion),
    ['--config <config>', 'kernel configuration: tiny (the default), defconfig, or a file'],
    ['--source <source>', 'kernel source: kernel.org, debian[:suite], git+URL#tag, a tarball, a folder'],
    [
      '--no-arm64-series',
      'build an arm64 kernel without our patches: before 6.17 it cannot be livepatched then, later it lacks fixes',
    ],
    ['--pull', 'look for the image in the registry (KLP_DOCKER_REGISTRY) before building it'],
    ['--no-pull', 'do not look in the registry (the default)'],
  ];
}

/** `--kernel-tree`, which stands in place of everything that describes an image. */
export function kernelTreeOption(): Option {
  return new Option(
    '--kernel-tree <dir>',
    'a kernel that you have built (with O=: the build folder), in place of an image',
  ).conflicts(['kernel', 'llvm', 'config', 'source', 'pull', 'arm64Series']);
}

/** What is wrong when neither `--kernel` nor `--kernel-tree` was given. */
export function noKernel(): KlpError {
  return new KlpError('usage', 'Neither --kernel nor --kernel-tree was given');
}

function llvmVersion(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('It is a number such as 19.');
  return Number(text);
}

/**
 * What the controller is asked for; what cannot be is said here, before an engine is started.
 * @throws KlpError `kernel-version-invalid`, `unknown-arch`, `kernel-too-old`, `llvm-does-not-fit`, `config-not-found`,
 *   `source-invalid`
 */
export function imageRequest(options: KernelOptions): ImageRequest {
  const { kernel, llvm, config, source, pull, arm64Series: series } = options;
  const arch = options.arch ?? hostArch().name;
  checkKernelSupported(kernel, archData(arch), series);
  llvmFor(kernel, archData(arch), llvm);
  if (config !== undefined) kernelConfig(config, archData(arch));
  parseSource(source);
  return {
    kernel,
    arch,
    ...(llvm === undefined ? {} : { llvm }),
    ...(config === undefined ? {} : { config }),
    ...(source === undefined ? {} : { source }),
    ...(pull === undefined ? {} : { pull }),
    ...(series === undefined ? {} : { series }),
  };
}

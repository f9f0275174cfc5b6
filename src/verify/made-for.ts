import { archOfMachine } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import type { Subject } from './package.js';

/** What is known of a kernel before it is booted. */
export interface KnownKernel {
  arch: string;
  /** GNU build id, hex. */
  buildId?: string | undefined;
  /** SHA-256 of its .config. */
  configSha256?: string;
}

/**
 * Looks whether a livepatch was made for a kernel, as far as both tell: a boot would show no more.
 * @param label the livepatch in messages
 * @throws KlpError `kernel-arch-differs`, `kernel-build-differs`, `kernel-config-differs`, `unknown-arch`
 */
export function checkMadeFor({ info, manifest }: Subject, label: string, kernel: KnownKernel): void {
  const own = archOfMachine(info.machine).name;
  if (own !== kernel.arch) {
    throw new KlpError('kernel-arch-differs', `${label} is for ${own}, the kernel for ${kernel.arch}`, {
      advice: `Name its kernel with --arch ${own}.`,
    });
  }
  const buildId = info.buildId ?? manifest?.kernel?.buildId;
  if (buildId !== undefined && kernel.buildId !== undefined && buildId !== kernel.buildId) {
    throw new KlpError(
      'kernel-build-differs',
      `${label} was made for build ${buildId}, the kernel is build ${kernel.buildId}`,
    );
  }
  const config = manifest?.kernel?.configSha256;
  if (config !== undefined && kernel.configSha256 !== undefined && config !== kernel.configSha256) {
    throw new KlpError(
      'kernel-config-differs',
      `${label} was made for a kernel with another configuration (SHA-256 ${config}, here ${kernel.configSha256})`,
      { advice: 'Name the kernel that it was made for, with its --config.' },
    );
  }
}

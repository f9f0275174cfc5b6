import { archData } from '../../shared/catalog.js';
import type { Finding } from '../../shared/result.js';
import { setsFor, type SeriesSet } from '../../shared/series.js';
import type { KernelTree } from '../types.js';

type Kernel = Pick<KernelTree, 'arch' | 'release' | 'series'>;

/** The sets of the project's own patches for a kernel's release that the kernel does not carry. */
function lackingSets({ arch, release, series }: Kernel): SeriesSet[] {
  // `uname -r` goes on after the version as whoever built the kernel likes.
  const [version] = /^\d+\.\d+(?:\.\d+)?(?:-rc\d+)?(?![\d.])/.exec(release) ?? [];
  if (version === undefined) return [];
  return setsFor(version, archData(arch)).filter((set) => !series.includes(set.name));
}

/** Which of the project's own patches the kernel carries, and which it should and does not. */
export function seriesFindings(kernel: Kernel): Finding[] {
  const findings: Finding[] = lackingSets(kernel).map(({ name, purpose, limits }) => ({
    code: 'kernel-lacks-series',
    severity: 'warning',
    message: `the kernel does not carry ${name}, patches for its release. What they are for: ${purpose}. Their limits: ${limits}`,
  }));
  if (kernel.series.length > 0) {
    findings.push({
      code: 'kernel-has-series',
      severity: 'note',
      message: `the kernel carries ${kernel.series.join(', ')}: the livepatch is for running kernels that carry the same`,
    });
  }
  return findings;
}

/**
 * What a livepatch that branches to modules risks in a kernel without the patches that make this safe.
 * @param modules those that it branches to by late relocations
 */
export function lateBranchFindings(kernel: Kernel, modules: readonly string[]): Finding[] {
  if (modules.length === 0) return [];
  return lackingSets(kernel).flatMap(({ name, lateBranches }): Finding[] => {
    if (lateBranches === undefined) return [];
    const message = `the livepatch branches to ${modules.join(', ')}, which the kernel does not do safely without ${name}: ${lateBranches}`;
    return [{ code: 'kernel-lacks-series', severity: 'warning', message }];
  });
}

import { describe, expect, it } from 'vitest';
import {
  archData,
  checkKernelSupported,
  kernelMinimum,
  kernelRelease,
  llvmData,
  supportedArchs,
  type ArchData,
} from '../../../src/shared/catalog.js';
import { llvmFor, supportedLlvms } from '../../../src/shared/compilers.js';
import { seriesFor, seriesSets } from '../../../src/shared/series.js';

/** Every version that something in the catalogue begins or ends with, as `X.Y`. */
function boundaries(arch: ArchData): string[] {
  const { default: defaults, minimumLlvm, knownBad } = llvmData().rules;
  const ranges = [...defaults, ...minimumLlvm, ...knownBad, ...seriesSets(arch)].map((row) => row.kernels);
  const named = [...Object.values(kernelMinimum(arch)), ...ranges].flatMap(
    (text) => text.match(/\d+\.\d+/g) ?? [],
  );
  return [...new Set(named)];
}

/** A value, or the code of what is thrown. */
function outcome(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** All that the catalogue says of a kernel. */
function known(kernel: string, arch: ArchData): unknown {
  return {
    series: seriesFor(kernel, arch).names,
    supported: outcome(() => checkKernelSupported(kernel, arch)),
    alone: outcome(() => checkKernelSupported(kernel, arch, false)),
    llvm: outcome(() => llvmFor(kernel, arch)),
    asked: supportedLlvms().map((llvm) => outcome(() => llvmFor(kernel, arch, llvm))),
  };
}

describe('a release candidate', () => {
  it.each(supportedArchs())('on %s is served as its release, at every boundary', (name) => {
    const arch = archData(name);
    for (const version of boundaries(arch)) {
      for (const candidate of [`${version}-rc1`, `${version}-rc9`]) {
        expect(known(candidate, arch), candidate).toEqual(known(version, arch));
      }
    }
  });

  it.each([
    ['6.5-rc1', ['arm64-livepatch-6.5']],
    ['6.13-rc7', ['arm64-livepatch-6.13']],
    ['6.17-rc3', ['arm64-livepatch-6.17']],
  ])('of arm64 gets the series of its release: %s', (kernel, names) => {
    expect(seriesFor(kernel, archData('arm64')).names).toEqual(names);
  });

  it('of the first release with livepatches is not refused, one before it is', () => {
    const arm = archData('arm64');
    expect(() => checkKernelSupported('6.4-rc1', arm)).not.toThrow();
    expect(() => checkKernelSupported('6.17-rc1', arm, false)).not.toThrow();
    expect(() => checkKernelSupported('6.3-rc7', arm)).toThrow(
      expect.objectContaining({ code: 'kernel-too-old' }),
    );
    expect(() => checkKernelSupported('6.16-rc7', arm, false)).toThrow(
      expect.objectContaining({ code: 'kernel-needs-series' }),
    );
  });

  it('counts as the release that its name begins with', () => {
    expect(kernelRelease('7.3-rc2')).toBe('7.3.0');
    expect(kernelRelease('6.12.107')).toBe('6.12.107');
  });
});

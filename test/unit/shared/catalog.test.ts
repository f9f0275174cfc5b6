import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  archData,
  checkKernelSupported,
  debianData,
  kernelSemver,
  projectRoot,
  supportedArchs,
} from '../../../src/shared/catalog.js';
import { seriesFor } from '../../../src/shared/series.js';
import { llvmFor, toolchainData } from '../../../src/shared/compilers.js';

describe('architectures', () => {
  it.each(['x86_64', 'x86-64', 'amd64', 'AMD64', 'x64'])('knows %s', (name) => {
    expect(archData(name).name).toBe('x86_64');
  });

  it('names those there are when one is unknown', () => {
    expect(() => archData('vax')).toThrow(
      expect.objectContaining({ code: 'unknown-arch', message: expect.stringContaining('x86_64') as string }),
    );
    expect(() => archData('../../etc/passwd')).toThrow(expect.objectContaining({ code: 'unknown-arch' }));
  });

  it.each(supportedArchs())('%s has its Dockerfile with the defaults of the catalogue', (name) => {
    const { kernelArch, kernelImage, kernelImageTarget, configFragments } = archData(name);
    const text = readFileSync(join(projectRoot(), `Dockerfile.${name}`), 'utf8');
    const value = (arg: string): string | undefined =>
      new RegExp(`^ARG ${arg}=(?:"([^"]*)"|(\\S*))$`, 'm')
        .exec(text)
        ?.slice(1)
        .find((part) => part !== undefined);
    expect(value('ARCH')).toBe(kernelArch);
    expect(value('KLP_ARCH')).toBe(name);
    expect(value('KERNEL_IMAGE')).toBe(kernelImage);
    expect(value('TARGET')).toBe(kernelImageTarget);
    expect(value('FRAGMENTS')).toBe(configFragments.join(' '));
    const llvm = llvmFor('6.12', archData(name));
    expect(value('LLVM')).toBe(`-${llvm}`);
    expect(value('PACKAGES')?.split(' ').sort()).toEqual([...toolchainData(llvm).packages].sort());
    const series = seriesFor('6.12', archData(name));
    expect(value('SERIES')).toBe(Object.keys(series.files).join(' '));
    expect(value('SERIES_NAMES')).toBe(series.names.join(' '));
    const { bases, suites } = debianData();
    expect(value('BASE')).toBe(bases[suites[toolchainData(llvm).suite]?.base ?? '']);
  });
});

describe('kernel versions', () => {
  it('are X.Y, X.Y.Z, or a release candidate', () => {
    expect(kernelSemver('6.4')).toBe('6.4.0');
    expect(kernelSemver('6.12.107')).toBe('6.12.107');
    expect(kernelSemver('7.3-rc2')).toBe('7.3.0-rc2');
  });

  it.each(['', '6', 'v6.12', '6.12.107-1', '6.12; rm -rf /', '../6.12', '6.12.1.2'])('are not %j', (text) => {
    expect(() => kernelSemver(text)).toThrow(expect.objectContaining({ code: 'kernel-version-invalid' }));
  });
});

describe('kernels that cannot be livepatched', () => {
  it('are refused per architecture', () => {
    expect(() => checkKernelSupported('4.9', archData('x86_64'))).toThrow(
      expect.objectContaining({ code: 'kernel-too-old', kind: 'refused' }),
    );
    expect(() => checkKernelSupported('6.1', archData('x86_64'))).not.toThrow();
    expect(() => checkKernelSupported('6.3.13', archData('arm64'))).toThrow(
      expect.objectContaining({
        code: 'kernel-too-old',
        kind: 'refused',
        message: expect.stringMatching(/6\.4\.0 or newer \(.*6\.17/) as string,
      }),
    );
    expect(() => checkKernelSupported('6.4', archData('arm64'))).not.toThrow();
  });

  it('refuses a kernel that needs a series when there is to be none', () => {
    expect(() => checkKernelSupported('6.16.2', archData('arm64'), false)).toThrow(
      expect.objectContaining({ code: 'kernel-needs-series', kind: 'refused' }),
    );
    expect(() => checkKernelSupported('6.17', archData('arm64'), false)).not.toThrow();
    expect(() => checkKernelSupported('6.1', archData('x86_64'), false)).not.toThrow();
  });
});

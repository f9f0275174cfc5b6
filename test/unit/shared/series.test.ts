import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { archData, kernelMinimum, projectRoot, supportedArchs } from '../../../src/shared/catalog.js';
import { seriesFor, seriesSets } from '../../../src/shared/series.js';

const arm64 = archData('arm64');
const names = (kernel: string): string[] => seriesFor(kernel, arm64).names;

/** First releases of all lines from the first that arm64 has a series for to beyond the newest there is. */
const lines = [
  ...Array.from({ length: 16 }, (_, i) => `6.${i + 4}`),
  ...Array.from({ length: 20 }, (_, i) => `7.${i}`),
  '8.0',
];

describe.each(supportedArchs().map(archData))('the sets for $name', (arch) => {
  const sets = seriesSets(arch);

  it('name files that there are, and leave none out', () => {
    const folder = join(projectRoot(), 'images', 'series', arch.name);
    const used = new Set(sets.flatMap((set) => set.patches));
    const there = sets.length === 0 ? [] : readdirSync(folder).filter((name) => name.endsWith('.patch'));
    expect([...used].sort()).toEqual(there.sort());
  });

  it('have names of their own, and ranges that can be read', () => {
    expect(new Set(sets.map((set) => set.name)).size).toBe(sets.length);
    for (const { kernels } of sets) expect(semver.validRange(kernels), kernels).not.toBeNull();
  });

  it('were tried on kernels that they are for', () => {
    for (const { name, kernels, tried } of sets) {
      for (const version of tried)
        expect(semver.satisfies(version, kernels), `${name}: ${version}`).toBe(true);
    }
  });
});

describe('arm64', () => {
  it('has exactly one set for every kernel from the first on', () => {
    expect(kernelMinimum(arm64).withSeries).toBe('6.4.0');
    for (const line of lines) {
      for (const point of [0, 1, 99, 999])
        expect(names(`${line}.${point}`), `${line}.${point}`).toHaveLength(1);
    }
    expect(names('6.3.13')).toEqual([]);
  });

  it.each([
    ['6.4.16', '6.5', 'arm64-livepatch-6.4', 'arm64-livepatch-6.5'],
    ['6.7.12', '6.8', 'arm64-livepatch-6.5', 'arm64-livepatch-6.8'],
    ['6.8.12', '6.9', 'arm64-livepatch-6.8', 'arm64-livepatch-6.9'],
    ['6.12.999', '6.13', 'arm64-livepatch-6.9', 'arm64-livepatch-6.13'],
    ['6.15.11', '6.16', 'arm64-livepatch-6.13', 'arm64-livepatch-6.16'],
    ['6.16.12', '6.17', 'arm64-livepatch-6.16', 'arm64-livepatch-6.17'],
  ])('changes sets between %s and %s', (last, first, before, after) => {
    expect(names(last)).toEqual([before]);
    expect(names(first)).toEqual([after]);
  });

  it('has no livepatch of its own exactly where a set configures it', () => {
    const { alone } = kernelMinimum(arm64);
    for (const line of lines) {
      const { files } = seriesFor(line, arm64);
      expect('arm64/kconfig.patch' in files, line).toBe(semver.lt(`${line}.0`, alone));
    }
  });
});

it('x86_64 needs none', () => {
  expect(seriesFor('6.12.107', archData('x86_64')).names).toEqual([]);
});

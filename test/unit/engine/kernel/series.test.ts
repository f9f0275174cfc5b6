import { describe, expect, it } from 'vitest';
import { lateBranchFindings, seriesFindings } from '../../../../src/engine/kernel/series.js';

const kernel = (release: string, ...series: string[]) => ({ arch: 'arm64', release, series });
const codes = (release: string, ...series: string[]): string[] =>
  seriesFindings(kernel(release, ...series)).map((f) => `${f.severity} ${f.code}`);

describe('a kernel of the user', () => {
  it.each(['7.2.13', '6.17.0-rc3-next+', '6.19.4-arm64', '7.2.6+'])(
    'lacks what %s should have',
    (release) => {
      expect(codes(release)).toEqual(['warning kernel-lacks-series']);
      const [finding] = seriesFindings(kernel(release));
      for (const word of ['arm64-livepatch-6.17', 'PLT entries', 'applied without fuzz']) {
        expect(finding?.message).toContain(word);
      }
    },
  );

  it('lacks nothing when it carries it', () => {
    expect(codes('7.2.13', 'arm64-livepatch-6.17')).toEqual(['note kernel-has-series']);
  });

  it('carries the wrong ones, and lacks the right ones', () => {
    expect(codes('6.16.2', 'arm64-livepatch-6.13')).toEqual([
      'warning kernel-lacks-series',
      'note kernel-has-series',
    ]);
  });

  it('lacks nothing on x86_64', () => {
    expect(seriesFindings({ arch: 'x86_64', release: '7.2.13', series: [] })).toEqual([]);
  });
});

describe('a livepatch that branches to modules', () => {
  it('is told of what happens in a kernel without the patches', () => {
    const [finding, ...others] = lateBranchFindings(kernel('7.2.13'), ['ext4', 'jbd2']);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'kernel-lacks-series', severity: 'warning' });
    expect(finding?.message).toMatch(
      /branches to ext4, jbd2, .* without arm64-livepatch-6\.17: .*128 MB.* oopses/,
    );
  });

  it('is safe in one that carries them, and without branches', () => {
    expect(lateBranchFindings(kernel('7.2.13', 'arm64-livepatch-6.17'), ['ext4'])).toEqual([]);
    expect(lateBranchFindings(kernel('7.2.13'), [])).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { checkMadeFor, type KnownKernel } from '../../../src/verify/made-for.js';
import type { Subject } from '../../../src/verify/package.js';

const subject: Subject = {
  ...{ livepatch: '/x.ko', objects: [] },
  info: { name: 'x', machine: 62, release: '6.12.107', objects: [], buildId: '0a1b' },
  manifest: { kernel: { configSha256: 'c0' } },
};
const check = (kernel: KnownKernel, of = subject) => {
  checkMadeFor(of, 'x.tgz', kernel);
};

describe('a livepatch and the kernel that is to be booted', () => {
  it('go together when all that is known of both is equal', () => {
    check({ arch: 'x86_64', buildId: '0a1b', configSha256: 'c0' });
    check({ arch: 'x86_64' });
    const { livepatch, objects, info } = subject;
    check({ arch: 'x86_64', configSha256: 'ff' }, { livepatch, objects, info });
  });

  it.each<[string, KnownKernel]>([
    ['kernel-arch-differs', { arch: 'arm64' }],
    ['kernel-build-differs', { arch: 'x86_64', buildId: 'ffff' }],
    ['kernel-config-differs', { arch: 'x86_64', configSha256: 'ff' }],
  ])('are told apart: %s', (code, kernel) => {
    expect(() => {
      check(kernel);
    }).toThrow(expect.objectContaining({ code, kind: 'refused' }));
  });

  it('are compared by the build that the package names when the module names none', () => {
    const { buildId, ...silent } = subject.info;
    const packaged = { ...subject, info: silent, manifest: { kernel: { buildId } } };
    expect(() => {
      check({ arch: 'x86_64', buildId: 'ffff' }, packaged);
    }).toThrow(/made for build 0a1b/);
  });
});

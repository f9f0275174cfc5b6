import { describe, expect, it } from 'vitest';
import { renderImages } from '../../../src/cli/images.js';
import { resultSchema } from '../../../src/shared/result.js';
import { callCli } from '../../helpers/cli.js';

/** No engine answers there. */
const env = { DOCKER_HOST: 'unix:///nonexistent.sock' };

describe('images', () => {
  const image = {
    ref: 'klp-docker:6.12.107-arm64-llvm19-tiny-0123abcd',
    digest: 'sha256:00',
    kernel: '6.12.107',
    arch: 'arm64',
    llvm: '19',
    config: 'tiny',
    series: ['arm64-livepatch'],
    size: 3 * 1024 ** 3,
    created: '2026-01-01T00:00:00.000Z',
  };

  it('lists kernel, architecture, LLVM, size and age', () => {
    const [head, row] = renderImages([image], Date.parse('2026-01-04T01:00:00Z')).split('\n');
    expect(head?.split(/ {2,}/)).toEqual(['KERNEL', 'ARCH', 'LLVM', 'CONFIG', 'SIZE', 'AGE', 'IMAGE']);
    expect(row?.split(/ {2,}/)).toEqual([
      '6.12.107',
      'arm64',
      '19',
      'tiny + arm64-livepatch',
      '3.0 GiB',
      '3 days',
      image.ref,
    ]);
  });

  it('says how to make the first one', () => {
    expect(renderImages([], 0)).toContain('klp-docker build');
  });

  it('--catalog tells what can be built, without an engine', async () => {
    const people = await callCli(['images', '--catalog'], env);
    expect(people.exitCode).toBe(0);
    expect(people.stdout).toMatch(/^arm64 +6\.4 to before 6\.7 +yes +16 +13 14 15 17/m);
    expect(people.stdout).toMatch(/^21 +trixie-backports$/m);
    const json = await callCli(['images', '--catalog', '--json'], env);
    const { catalog } = resultSchema.parse(JSON.parse(json.stdout));
    expect(catalog?.kernels).toContainEqual(
      expect.objectContaining({ arch: 'x86_64', from: '6.1.0', llvm: 16 }),
    );
    expect(catalog?.llvm).toContainEqual({ llvm: 14, suite: 'bookworm' });
  });
});

import { describe, expect, it } from 'vitest';
import { advised } from '../../../src/cli/tree.js';
import { emptyResult, type Finding } from '../../../src/shared/result.js';

describe('a kernel tree whose compiler is not that of its image', () => {
  const image = {
    ref: 'klp-docker-tree:llvm19-trixie-x86_64',
    toolchain: 'klp-docker-toolchain:llvm19-trixie-0a1b2c3d',
  };
  const finding = (code: string): Finding => ({ code, severity: 'error', message: 'no', advice: 'its own' });

  it('is told which image that is, and how it is made again', () => {
    const result = { ...emptyResult('refused'), findings: [finding('compiler-mismatch')] };
    const advice = advised(result, image).findings[0]?.advice;
    expect(advice).toContain(`docker rmi ${image.ref} ${image.toolchain}`);
    expect(advice).not.toContain('its own');
  });

  it('is the only one that is told so', () => {
    const result = { ...emptyResult('refused'), findings: [finding('kernel-lto')] };
    expect(advised(result, image)).toEqual(result);
  });
});

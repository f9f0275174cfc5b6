import { join } from 'node:path';
import type { VerifyCase, VerifyRequest } from '../../src/verify/types.js';
import { verify, type Verified } from '../../src/verify/verify.js';
import type { TestKernel } from './kernel.js';

/** Path of a test script of test/qemu/scripts. */
export const script = (name: string): string => join(import.meta.dirname, 'scripts', `${name}.sh`);

/** Runs a verification on a kernel, with its own livepatches. */
export function verifier(kernel: TestKernel) {
  const one = (name: string, more: Partial<VerifyCase> = {}): VerifyCase => ({
    name,
    livepatch: kernel.module(name),
    objects: [],
    moduleLoad: 'both',
    ...more,
  });
  const run = (cases: VerifyCase[], more: Partial<VerifyRequest> = {}): Promise<Verified> =>
    verify(
      { assets: kernel.assets, cases, selftests: false, cacheDir: kernel.cacheDir, ...more },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
  return { one, run };
}

/** Steps of a case as `phase name`, a failed one with a `!`. */
export const steps = (result: Verified, name: string): string[] =>
  result.verification.steps
    .filter((step) => step.case === name)
    .map((step) => `${step.phase} ${step.name}${step.ok ? '' : '!'}`);

/** The steps of a case that failed. */
export const failed = (result: Verified, name: string): string[] =>
  steps(result, name).filter((step) => step.endsWith('!'));

/** The codes of all findings, or of those about one case. */
export const codes = (result: Verified, name = ''): string[] =>
  about(result, name).map((finding) => finding.code);

/** The findings about one case: their messages begin with its name. */
export const about = (result: Verified, name: string): Verified['findings'] =>
  result.findings.filter((finding) => name === '' || new RegExp(`^${name}[:,]`).test(finding.message));

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verified } from '../../src/verify/verify.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';
import { testKernel, type TestKernel } from './kernel.js';
import { about, codes, failed, script, steps, verifier } from './run.js';

/** Architectures on which the kernel cannot put a kprobe on an ftrace entry: there is nothing to test. */
const withoutKprobesOnFtrace = ['arm64'];

/**
 * What depends on the kernel and its architecture: the way of a livepatch, the words in which a kernel complains,
 * and its own selftests. All cases of one kernel are one run, in as few boots as they allow.
 */
describe.each(pinnedKernels.map((one) => [nameOf(one), one] as const))('Linux %s', (_, tested) => {
  let kernel: TestKernel;
  let result: Verified;

  beforeAll(async () => {
    kernel = await testKernel(tested);
    const { one, run } = verifier(kernel);
    result = await run(
      [
        one('good', { testScript: script('cmdline') }),
        one('module', { objects: ['loop'], testScript: script('loop') }),
        one('missing'),
        one('warn'),
        one('stall'),
        { ...one('good'), name: 'again' },
        one('stuck', { testScript: script('stuck') }),
        one('oops'),
        one('panic'),
        { ...one('good'), name: 'last' },
      ],
      { timeoutMs: 60_000 },
    );
  });
  afterAll(() => kernel.remove());

  it('a livepatch of vmlinux: its effect is seen, and gone again', () => {
    expect(about(result, 'good')).toEqual([]);
    expect(steps(result, 'good')).toEqual([
      'before test-before',
      'during load-livepatch',
      'during transition',
      'during test-during',
      'after disable',
      'after unload-livepatch',
      'after test-after',
    ]);
    const during = result.verification.steps.find((step) => step.name === 'test-during');
    expect(during?.output).toBe('cmdline in phase during: patched');
    expect(result.verification.transitionMs['good']).toBeGreaterThan(0);
  });

  it('a livepatch of a module: loaded before it and after it', () => {
    expect(about(result, 'module')).toEqual([]);
    expect(failed(result, 'module')).toEqual([]);
    for (const moduleLoad of ['before', 'after'] as const) {
      const of = (name: string) =>
        result.verification.steps.find(
          (step) => step.case === 'module' && step.moduleLoad === moduleLoad && step.name === name,
        );
      expect(of('test-during')?.output).toBe('offset in phase during: 4242');
      expect(of('check-objects')?.ok).toBe(true);
    }
    expect(Object.keys(result.verification.transitionMs)).toEqual(
      expect.arrayContaining(['module/after', 'module/before']),
    );
  });

  it('one that does not load: the function that is missing', () => {
    expect(steps(result, 'missing')).toEqual(['during load-livepatch!']);
    expect(codes(result, 'missing')).toEqual(['livepatch-message', 'livepatch-load-failed']);
    expect(about(result, 'missing')[1]?.output).toContain('klp_case_no_such_function');
  });

  it('one that makes the kernel warn: the warning, and all steps', () => {
    expect(failed(result, 'warn')).toEqual([]);
    expect(codes(result, 'warn')).toEqual(['kernel-warning']);
    expect(about(result, 'warn')[0]?.message).toMatch(/WARNING: .*klp_case_warn/);
  });

  it('a transition that does not end: the task, and where it is; the livepatch is taken back', () => {
    expect(steps(result, 'stall')).toEqual(['during load-livepatch', 'during transition!', 'during reverse']);
    expect(codes(result, 'stall')).toEqual(['transition-stalled']);
    expect(about(result, 'stall')[0]?.output).toMatch(/task 2 kthreadd holds it up:\n.*kthreadd\+0x/);
    expect(failed(result, 'again')).toEqual([]);
  });

  it('one that a task never leaves: the task, and where it is', () => {
    expect(steps(result, 'stuck').at(-1)).toBe('after disable!');
    expect(codes(result, 'stuck')).toEqual(['disable-stalled']);
    expect(about(result, 'stuck')[0]?.output).toMatch(
      /task \d+ cat holds it up:\n(.*\n)*?.*new_cmdline_proc_show.*klp_case_stuck/,
    );
  });

  it('a crash is the case that ran, with the report of the kernel', () => {
    expect(steps(result, 'oops')).toEqual(['during load-livepatch!']);
    expect(codes(result, 'oops')).toEqual(['kernel-oops']);
    const [oops] = about(result, 'oops');
    expect(oops?.message).toMatch(/NULL pointer dereference.*load-livepatch/);
    expect(oops?.output).toContain('Kernel panic');
    expect(codes(result, 'panic')).toEqual(['kernel-panic']);
    expect(about(result, 'panic')[0]?.message).toContain('a panic on purpose');
    expect(result.verification.dmesg.join('\n')).toMatch(/^(RIP: 0010:|pc : )before_patching\+/m);
  });

  it('what ended its boot gets the next case a new one', () => {
    expect(result.verification.steps.filter((step) => step.name === 'boot')).toHaveLength(4);
    expect(failed(result, 'last')).toEqual([]);
    expect(steps(result, 'last')).not.toEqual([]);
  });

  it("the kernel's own selftests pass", async () => {
    const own = await verifier(kernel).run([], { selftests: true });
    expect(own.findings).toEqual([]);
    const tests = own.verification.selftests ?? [];
    const expectSkipped = tests.filter(
      ({ name }) => name === 'test-kprobe.sh' && withoutKprobesOnFtrace.includes(tested.arch),
    );
    expect(tests.filter((test) => !test.ok)).toEqual(expectSkipped);
    expect(expectSkipped.filter((test) => !test.skipped)).toEqual([]);
    expect(own.verification.tap).toContain(`1..${tests.length}\n`);
    expect(tests.find((test) => test.name === 'test-livepatch.sh')?.output).toContain(
      'basic function patching ... ok',
    );
  });
});

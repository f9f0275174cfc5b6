import { describe, expect, it } from 'vitest';
import type { BootPlan, PlannedCase } from '../../../src/verify/initramfs.js';
import { createRecorder } from '../../../src/verify/recorder.js';

const planned = (name: string, passes: PlannedCase['passes'] = ['once']): PlannedCase => ({
  case: { name, livepatch: `/${name}.ko`, objects: [], moduleLoad: 'both' },
  module: `livepatch_${name}`,
  passes,
});

/** Feeds a console to a recorder. Lines that begin with `@` are the guest's; all get a time, a second apart. */
function play(cases: PlannedCase[], text: string) {
  const plan: BootPlan = {
    token: 'c0ffee',
    cases,
    selftests: [],
    limits: { script: 1, transition: 1, selftest: 1 },
  };
  const recorder = createRecorder(plan);
  text
    .trim()
    .split('\n')
    .forEach((line, second) =>
      recorder.line(`[${String(second).padStart(5)}.000000] ${line.trim().replace(/^@/, '@c0ffee ')}`),
    );
  return recorder;
}

describe('createRecorder', () => {
  it('makes steps with phase, time and output', () => {
    const { record } = play(
      [planned('a')],
      `booting
      @hello 6.12.0
      @case 0000
      @pass once
      @phase before
      @step test-before
      @out one
      @part tw
      @out o
      @ok
      @phase during
      @step load-livepatch
      livepatch: enabling patch 'livepatch_a'
      livepatch: 'livepatch_a': patching complete
      @ok
      @pass-end
      @case-end
      @end`,
    );
    expect(record.steps).toEqual([
      { phase: 'boot', name: 'boot', ok: true, ms: 1000 },
      { case: 'a', phase: 'before', name: 'test-before', ok: true, ms: 4000, output: 'one\ntwo' },
      { case: 'a', phase: 'during', name: 'load-livepatch', ok: true, ms: 3000 },
    ]);
    expect(record.transitionMs).toEqual({ a: 1000 });
    expect(record).toMatchObject({
      started: true,
      finished: true,
      begun: 1,
      completed: 1,
      findings: [],
      dmesg: [],
    });
  });

  it.each([
    { booted: '@build 0a0a', codes: [] },
    { booted: '@build 0b0b', codes: ['kernel-build-differs'] },
    { booted: '@build ', codes: ['kernel-build-differs'] },
    { booted: '', codes: ['kernel-build-differs'] },
  ])('a livepatch of build 0a0a proves $codes after "$booted"', ({ booted, codes }) => {
    const cases = [{ ...planned('a'), buildId: '0a0a' }, planned('b')];
    const { record } = play(
      cases,
      `@hello 6.12.0\n${booted}\n@case 0000\n@case-end\n@case 0001\n@case-end\n@end`,
    );
    expect(record.findings.map((finding) => finding.code)).toEqual(codes);
  });

  it('a failed step is a finding with its output and the kernel lines of its time', () => {
    const { record } = play(
      [planned('a')],
      `@hello
      @case 0000
      @pass once
      @phase during
      @step load-livepatch
      livepatch_a: Unknown symbol foo (err -2)
      @out insmod: can't insert
      @failed`,
    );
    expect(record.findings).toEqual([
      expect.objectContaining({
        code: 'livepatch-load-failed',
        severity: 'error',
        message: 'a: the livepatch cannot be loaded',
        output: "insmod: can't insert\nlivepatch_a: Unknown symbol foo (err -2)",
      }),
    ]);
  });

  it('says which order of a module failed, and which tasks hold a transition up', () => {
    const { record } = play(
      [planned('a', ['before', 'after'])],
      `@hello
      @case 0000
      @pass after
      @phase during
      @step transition
      @holdout 2 kthreadd
      @out [<0>] kthreadd+0x78/0x120
      @failed`,
    );
    expect(record.steps.at(-1)).toMatchObject({ case: 'a', moduleLoad: 'after', phase: 'during', ok: false });
    expect(record.findings[0]).toMatchObject({
      code: 'transition-stalled',
      message: 'a, target after: the transition does not end',
      output: 'task 2 kthreadd holds it up:\n[<0>] kthreadd+0x78/0x120',
    });
  });

  it('reports what the kernel complains of once, with all its lines in dmesg', () => {
    const { record } = play(
      [planned('a')],
      `WARNING: CPU: 0 PID: 1 at boot.c:1 early
      @hello
      @case 0000
      @pass once
      @step load-livepatch
      WARNING: CPU: 1 PID: 110 at x.c:16 f+0x15/0x20 [livepatch_a]
      Call Trace:
      kernel BUG at is part of the same report
      ---[ end trace 0000000000000000 ]---
      unrelated
      @ok
      @case-end`,
    );
    expect(record.findings).toHaveLength(1);
    expect(record.findings[0]).toMatchObject({ code: 'kernel-warning', severity: 'error' });
    expect(record.findings[0]?.message).toContain('a: the kernel says: WARNING: CPU: 1');
    expect(record.dmesg).toHaveLength(4);
    expect(record.dmesg).not.toContain('unrelated');
  });

  it('notices a taint that came without words', () => {
    const script = (after: number) => `@hello
      @case 0000
      @pass once
      @taint 4096
      @taint ${after}`;
    expect(play([planned('a')], script(4096 | 512)).record.findings).toMatchObject([
      { code: 'kernel-warning' },
    ]);
    // Out-of-tree module and livepatch are no damage.
    expect(play([planned('a')], script(4096 | 32768)).record.findings).toEqual([]);
  });

  it.each([
    [
      'x86_64',
      `BUG: kernel NULL pointer dereference, address: 0000000000000008
      Oops: Oops: 0002 [#1] SMP NOPTI
      RIP: 0010:before_patching+0xb/0x20 [livepatch_b]
      ---[ end trace 0000000000000000 ]---
      Kernel panic - not syncing: Fatal exception`,
    ],
    [
      'arm64',
      `Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
      Mem abort info:
      Internal error: Oops: 0000000096000044 [#1] SMP
      pc : before_patching+0x18/0x28 [livepatch_b]
      ---[ end trace 0000000000000000 ]---
      Kernel panic - not syncing: Oops: Fatal exception`,
    ],
    [
      'arm64, an exception that nothing expects',
      `Unexpected kernel BRK exception at EL1
      Internal error: BRK handler: 00000000f2000001 [#1] SMP
      ---[ end trace 0000000000000000 ]---
      Kernel panic - not syncing: BRK handler: Fatal exception`,
    ],
  ])('attributes a crash to the case that ran, and shows the step that was cut: %s', (_, report) => {
    const recorder = play(
      [planned('a'), planned('b'), planned('c')],
      `@hello
      @case 0000
      @case-end
      @case 0001
      @pass once
      @phase during
      @step load-livepatch
      ${report}`,
    );
    recorder.cut('the machine ended');
    const { record } = recorder;
    expect(record).toMatchObject({ begun: 2, completed: 1, finished: false });
    expect(record.findings).toHaveLength(1);
    expect(record.findings[0]).toMatchObject({ code: 'kernel-oops' });
    expect(record.findings[0]?.message).toContain(`b: the kernel says: ${report.split('\n')[0]}`);
    expect(record.steps.at(-1)).toMatchObject({ case: 'b', name: 'load-livepatch', ok: false });
  });

  it('tells passed, skipped and failed selftests apart, and ignores what they provoke', () => {
    const { record } = play(
      [],
      `@hello
      @selftest test-a.sh
      livepatch: pre-patch callback failed for object 'vmlinux'
      @out TEST: one ... ok
      @selftest-end 0
      @selftest test-b.sh
      @selftest-end 4
      @selftest test-c.sh
      WARNING: CPU: 1 PID: 1 at x.c:1 f
      @out ERROR: no
      @selftest-end 1
      @end`,
    );
    expect(record.selftests).toEqual([
      { name: 'test-a.sh', ok: true, skipped: false, output: 'TEST: one ... ok' },
      { name: 'test-b.sh', ok: false, skipped: true, output: '' },
      { name: 'test-c.sh', ok: false, skipped: false, output: 'ERROR: no' },
    ]);
    expect(record.findings.map((finding) => finding.code)).toEqual(['kernel-warning', 'selftest-failed']);
  });

  it('restarts the deadline when something new begins, and not at each line', () => {
    const recorder = play([planned('a')], 'x');
    expect(recorder.line('[ 1.0] @c0ffee hello 6.12')).toBe(true);
    expect(recorder.line('[ 1.0] some kernel line')).toBe(false);
    expect(recorder.line('[ 1.0] @c0ffee case 0000')).toBe(true);
    expect(recorder.line('[ 1.0] @c0ffee step transition')).toBe(false);
  });

  it('collects the modules that a loaded livepatch names', () => {
    const { record } = play([planned('a')], '@hello\n@case 0000\n@pass once\n@object vmlinux\n@object loop');
    expect([...(record.objects.get(0) ?? [])]).toEqual(['loop']);
  });
});

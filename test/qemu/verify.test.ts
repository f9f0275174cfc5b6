import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { VerifyCase, VerifyRequest } from '../../src/verify/types.js';
import { verify } from '../../src/verify/verify.js';
import { testKernel, type TestKernel } from './kernel.js';

let kernel: TestKernel;
let scratch: string;

beforeAll(async () => {
  kernel = await testKernel();
  scratch = await mkdtemp(join(tmpdir(), 'klp-verify-test-'));
});
afterAll(async () => {
  await kernel.remove();
  await rm(scratch, { recursive: true, force: true });
});
afterEach(() => {
  expect(ourMachines()).toEqual([]);
});

/** Virtual machines that this process started and that still run. */
function ourMachines(): string[] {
  const list = execFileSync('ps', ['-eo', 'ppid,args'], { encoding: 'utf8' }).split('\n');
  return list.filter(
    (line) => Number(line.trim().split(' ')[0]) === process.pid && line.includes('qemu-system'),
  );
}

const script = (name: string): string => join(import.meta.dirname, 'scripts', `${name}.sh`);

const one = (name: string, more: Partial<VerifyCase> = {}): VerifyCase => ({
  name,
  livepatch: kernel.module(name),
  objects: [],
  moduleLoad: 'both',
  ...more,
});

const run = (cases: VerifyCase[], more: Partial<VerifyRequest> = {}, signal = new AbortController().signal) =>
  verify(
    { assets: kernel.assets, cases, selftests: false, cacheDir: kernel.cacheDir, ...more },
    { signal, progress: () => undefined, timings: {} },
  );

type Result = Awaited<ReturnType<typeof run>>;

/** Steps of a case as `phase name`, a failed one with a `!`. */
const steps = (result: Result, name: string): string[] =>
  result.verification.steps
    .filter((step) => step.case === name)
    .map((step) => `${step.phase} ${step.name}${step.ok ? '' : '!'}`);

const codes = (result: Result): string[] => result.findings.map((finding) => finding.code);

describe('a livepatch that works', () => {
  it('of vmlinux: its effect is seen, and gone again', async () => {
    const result = await run([one('good', { testScript: script('cmdline') })]);
    expect(result.findings).toEqual([]);
    expect(result.ok).toBe(true);
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
    expect(result.verification.dmesg).toEqual([]);
  });

  it('of a module: loaded before it and after it, although only the kernel knows the module', async () => {
    const result = await run([one('module', { testScript: script('loop') })]);
    expect(result.findings).toEqual([]);
    for (const moduleLoad of ['before', 'after'] as const) {
      const during = result.verification.steps.find(
        (step) => step.moduleLoad === moduleLoad && step.name === 'test-during',
      );
      expect(during?.output).toBe('offset in phase during: 4242');
      const checked = result.verification.steps.find(
        (step) => step.moduleLoad === moduleLoad && step.name === 'check-objects',
      );
      expect(checked?.ok).toBe(true);
    }
    expect(Object.keys(result.verification.transitionMs).sort()).toEqual(['module/after', 'module/before']);
  });

  it('in one order only, when asked for', async () => {
    const result = await run([one('module', { objects: ['loop'], moduleLoad: 'after' })]);
    expect(result.ok).toBe(true);
    expect(new Set(result.verification.steps.map((step) => step.moduleLoad))).toEqual(
      new Set([undefined, 'after']),
    );
  });
});

describe('several in one boot', () => {
  it('each has its own result; what fails is taken out again', async () => {
    const again = { ...one('good', { testScript: script('cmdline') }), name: 'again' };
    const result = await run([one('missing'), one('warn'), one('stall'), again], { timeoutMs: 60_000 });
    expect(result.verification.steps.filter((step) => step.name === 'boot')).toHaveLength(1);

    expect(steps(result, 'missing')).toEqual(['during load-livepatch!']);
    expect(steps(result, 'warn').filter((step) => step.endsWith('!'))).toEqual([]);
    expect(steps(result, 'stall')).toEqual(['during load-livepatch', 'during transition!', 'during reverse']);
    expect(steps(result, 'again').filter((step) => step.endsWith('!'))).toEqual([]);
    expect(codes(result)).toEqual([
      'livepatch-message',
      'livepatch-load-failed',
      'kernel-warning',
      'transition-stalled',
    ]);

    const [, loading, warning, stalled] = result.findings;
    expect(loading?.output).toContain('klp_case_no_such_function');
    expect(warning?.message).toMatch(/^warn: .*WARNING: .*klp_case_warn/);
    expect(stalled?.output).toMatch(/task 2 kthreadd holds it up:\n.*kthreadd\+0x/);
    expect(result.ok).toBe(false);
  });

  it('a crash ends the boot; the case that ran is blamed and the next gets a new boot', async () => {
    const result = await run([one('oops'), one('panic'), one('good')]);
    expect(result.verification.steps.filter((step) => step.name === 'boot')).toHaveLength(3);
    expect(codes(result)).toEqual(['kernel-oops', 'kernel-panic']);
    expect(result.findings[0]?.message).toMatch(/^oops: .*NULL pointer dereference.*load-livepatch/);
    expect(result.findings[0]?.output).toContain('Kernel panic');
    expect(result.findings[1]?.message).toMatch(/^panic: .*a panic on purpose/);
    expect(steps(result, 'oops')).toEqual(['during load-livepatch!']);
    expect(steps(result, 'good').filter((step) => step.endsWith('!'))).toEqual([]);
    expect(result.verification.dmesg.join('\n')).toContain('RIP: 0010:before_patching');
  });
});

describe('what cannot be taken out ends its boot, and the next case gets a new one', () => {
  it('a livepatch that a task never leaves: the task is named', async () => {
    const result = await run([one('stuck', { testScript: script('stuck') }), one('good')], {
      timeoutMs: 60_000,
    });
    expect(codes(result)).toEqual(['disable-stalled']);
    expect(result.findings[0]?.output).toMatch(
      /task \d+ cat holds it up:\n.*new_cmdline_proc_show.*klp_case_stuck/,
    );
    expect(steps(result, 'stuck').at(-1)).toBe('after disable!');
    expect(result.verification.steps.filter((step) => step.name === 'boot')).toHaveLength(2);
    expect(steps(result, 'good').filter((step) => step.endsWith('!'))).toEqual([]);
  });

  it('a module that the test keeps in use', async () => {
    const keeps = one('module', {
      objects: ['loop'],
      moduleLoad: 'before',
      testScript: script('keeps-loop'),
    });
    const result = await run([keeps, one('good')], { timeoutMs: 60_000 });
    expect(codes(result)).toEqual(['target-unload-failed']);
    expect(result.findings[0]?.output).toMatch(/references: loop [1-9]/);
    expect(steps(result, 'module').at(-1)).toBe('after unload-target!');
    expect(steps(result, 'good').filter((step) => step.endsWith('!'))).toEqual([]);
  });
});

describe('what never ends', () => {
  it('a load that hangs: the deadline ends it', async () => {
    const result = await run([one('hang')], { timeoutMs: 30_000 });
    expect(codes(result)).toEqual(['guest-hang']);
    expect(result.findings[0]?.message).toContain('hang: load-livepatch');
    expect(result.findings[0]?.output).toContain("enabling patch 'klp_case_hang'");
    expect(steps(result, 'hang')).toEqual(['during load-livepatch!']);
  });

  it('a test script that hangs is stopped with its children; the livepatch is still taken out', async () => {
    const result = await run([one('good', { testScript: script('hangs-during') })], { timeoutMs: 30_000 });
    expect(codes(result)).toEqual(['guest-test-failed']);
    expect(result.findings[0]?.output).toMatch(/^now during\nstopped after \d+ s/);
    expect(steps(result, 'good').slice(-4)).toEqual([
      'during test-during!',
      'after disable',
      'after unload-livepatch',
      'after test-after',
    ]);
  });

  it('Ctrl-C in the middle', async () => {
    const controller = new AbortController();
    const running = verify(
      { assets: kernel.assets, cases: [one('hang')], selftests: false, cacheDir: kernel.cacheDir },
      {
        signal: controller.signal,
        timings: {},
        progress: (event) => {
          if (event.type === 'line' && event.text.includes('load-livepatch')) controller.abort();
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  });
});

it('a test script that fails: its output, and the later phases all the same', async () => {
  const result = await run([one('good', { testScript: script('fails-during') })]);
  expect(codes(result)).toEqual(['guest-test-failed']);
  expect(result.findings[0]?.output).toMatch(/^now during\non stderr\nno newline at the end\nexit code 1/);
  expect(steps(result, 'good').slice(-1)).toEqual(['after test-after']);
});

it('a test script that prints without end and leaves processes behind does no harm', async () => {
  const again = { ...one('good', { testScript: script('cmdline') }), name: 'again' };
  const result = await run([one('good', { testScript: script('noisy') }), again]);
  expect(result.findings).toEqual([]);
  const before = result.verification.steps.find((step) => step.name === 'test-before');
  const lines = before?.output?.split('\n') ?? [];
  expect(lines[0]).toMatch(/^x{8000} \(cut\)$/);
  expect(lines.length).toBeLessThan(2100);
  expect(lines.at(-1)).toBe('(the rest of the output is left out)');
});

it('a kernel that finds no init does not boot', async () => {
  const busybox = join(scratch, 'not-a-program');
  await writeFile(busybox, 'text');
  const result = await run([one('good')], { assets: { ...kernel.assets, busybox } });
  expect(codes(result)).toEqual(['kernel-does-not-boot']);
  expect(result.findings[0]?.message).toContain('Kernel panic');
});

it('a file that is no kernel is a matter of the environment', async () => {
  const file = join(scratch, 'no-kernel');
  await writeFile(file, 'text');
  await expect(run([one('good')], { assets: { ...kernel.assets, kernel: file } })).rejects.toMatchObject({
    code: 'qemu-failed',
  });
});

it('a livepatch of another kernel is refused before anything is booted', async () => {
  const assets = { ...kernel.assets, release: '6.99.0' };
  await expect(run([one('good')], { assets })).rejects.toMatchObject({ code: 'module-of-another-kernel' });
});

describe('selftests', () => {
  it("the kernel's own all pass", async () => {
    const result = await run([], { selftests: true });
    expect(result.findings).toEqual([]);
    const tests = result.verification.selftests ?? [];
    expect(tests.map((test) => test.name)).toContain('test-livepatch.sh');
    expect(tests.filter((test) => !test.ok)).toEqual([]);
    expect(result.verification.tap).toContain(`1..${tests.length}\n`);
    expect(tests.find((test) => test.name === 'test-livepatch.sh')?.output).toContain(
      'basic function patching ... ok',
    );
  });

  it('one that fails and one that cannot run are told apart, and the rest still runs', async () => {
    const selftests = join(scratch, 'selftests');
    const { selftests: own = '' } = kernel.assets;
    await cp(own, selftests, { recursive: true });
    for (const name of ['callbacks', 'livepatch', 'state', 'syscall', 'sysfs', 'ftrace', 'kprobe']) {
      await rm(join(selftests, `test-${name}.sh`), { force: true });
    }
    const head = '#!/bin/bash\n. $(dirname $0)/functions.sh\n';
    // Leaves its livepatch loaded, which the next script must not suffer from.
    await writeFile(
      join(selftests, 'test-a.sh'),
      `${head}setup_config\nload_lp test_klp_livepatch\ndie "on purpose"\n`,
    );
    await writeFile(join(selftests, 'test-b.sh'), `${head}skip "not here"\n`);
    const result = await run([], { selftests: true, assets: { ...kernel.assets, selftests } });
    expect(result.verification.selftests).toMatchObject([
      { name: 'test-a.sh', ok: false, skipped: false, output: 'ERROR: on purpose' },
      { name: 'test-b.sh', ok: false, skipped: true, output: 'SKIP: not here' },
      { name: 'test-shadow-vars.sh', ok: true, skipped: false },
    ]);
    expect(codes(result)).toEqual(['selftest-failed']);
  });

  it('a kernel without any says so', async () => {
    const assets = { ...kernel.assets };
    delete assets.selftests;
    const result = await run([], { selftests: true, assets });
    expect(codes(result)).toEqual(['selftests-missing']);
    expect(result.ok).toBe(false);
  });
});

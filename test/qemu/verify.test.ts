import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { pinned } from '../setup/engine.js';
import { testKernel, type TestKernel } from './kernel.js';
import { codes, failed, script, steps, verifier } from './run.js';

/** What a verification does whatever the kernel; each-kernel.test.ts has what depends on it. */
let kernel: TestKernel;
let scratch: string;
let one: ReturnType<typeof verifier>['one'];
let run: ReturnType<typeof verifier>['run'];

beforeAll(async () => {
  kernel = await testKernel(pinned);
  ({ one, run } = verifier(kernel));
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

describe('a livepatch of a module', () => {
  it('that only the kernel knows is tried again with the module', async () => {
    const result = await run([one('module', { testScript: script('loop') })]);
    expect(result.findings).toEqual([]);
    const tried = result.verification.steps.filter((step) => step.name === 'check-objects');
    expect(tried.map((step) => step.moduleLoad)).toEqual(['before', 'after']);
    expect(Object.keys(result.verification.transitionMs).sort()).toEqual(['module/after', 'module/before']);
  });

  it('in one order only, when asked for', async () => {
    const result = await run([one('module', { objects: ['loop'], moduleLoad: 'after' })]);
    expect(result.ok).toBe(true);
    expect(new Set(result.verification.steps.map((step) => step.moduleLoad))).toEqual(
      new Set([undefined, 'after']),
    );
  });

  it('that a module which the kernel loaded meanwhile needs is unloaded after that one', async () => {
    const held = one('held', { objects: ['mbcache'], testScript: script('loads-user') });
    const result = await run([held, one('good')]);
    expect(result.findings).toEqual([]);
    expect(steps(result, 'held').filter((step) => step.includes('unload-target'))).not.toEqual([]);
    expect(failed(result, 'good')).toEqual([]);
  });

  it('that the test keeps in use ends its boot, and the next case gets a new one', async () => {
    const keeps = one('module', {
      objects: ['loop'],
      moduleLoad: 'before',
      testScript: script('keeps-loop'),
    });
    const result = await run([keeps, one('good')], { timeoutMs: 60_000 });
    expect(codes(result)).toEqual(['target-unload-failed']);
    expect(result.findings[0]?.output).toMatch(/references: loop [1-9]/);
    expect(steps(result, 'module').at(-1)).toBe('after unload-target!');
    expect(failed(result, 'good')).toEqual([]);
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

it('a test script that fails: its output, and the later phases all the same; a livepatch of another build', async () => {
  const result = await run([one('good', { testScript: script('fails-during') }), one('other_build')]);
  expect(codes(result)).toEqual(['guest-test-failed', 'kernel-build-differs']);
  expect(codes(result, 'other_build')).toEqual(['kernel-build-differs']);
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
  await expect(run([one('good')], { assets })).rejects.toMatchObject({
    code: 'module-of-another-kernel',
    kind: 'refused',
    message: expect.stringMatching(/^good is for \S+, not for 6\.99\.0$/) as string,
  });
});

describe('selftests', () => {
  it('one that fails, one that cannot run and one of an older kind are told apart, and the rest still runs', async () => {
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
    await cp(script('selftest-before-6.9'), join(selftests, 'test-c.sh'));
    const result = await run([], { selftests: true, assets: { ...kernel.assets, selftests } });
    expect(result.verification.selftests).toMatchObject([
      { name: 'test-a.sh', ok: false, skipped: false, output: 'ERROR: on purpose' },
      { name: 'test-b.sh', ok: false, skipped: true, output: 'SKIP: not here' },
      {
        name: 'test-c.sh',
        ok: true,
        output: [
          "modprobe: ERROR: could not insert 'test_klp_livepatch': Device or resource busy",
          'livepatch: Y',
          'kernel.ftrace_enabled = 0',
          'kernel.ftrace_enabled = 1',
        ].join('\n'),
      },
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

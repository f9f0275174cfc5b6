import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema, type ResultDocument } from '../../src/shared/result.js';
import { spawnCli } from '../helpers/cli.js';
import { nameOf, optionsFor, pinned, pinnedKernels, type TestedKernel } from '../setup/engine.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'klp-examples-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function generate(
  tested: TestedKernel,
  example: string,
  more: readonly string[] = [],
): Promise<{ exitCode: number | null; result: ResultDocument }> {
  const ran = await spawnCli([
    ...['generate', `examples/${example}/${example}.patch`, '--json', '-o', join(dir, example)],
    ...optionsFor(tested),
    ...more,
  ]);
  return { exitCode: ran.exitCode, result: resultSchema.parse(JSON.parse(ran.stdout)) };
}

/** What the test script printed in a phase, in every order in which the module was loaded. */
function printed(result: ResultDocument, phase: string): string[] {
  const steps = result.verification?.steps ?? [];
  return steps.filter((s) => s.name === `test-${phase}`).map((s) => s.output?.trim() ?? '');
}

const kernels = pinnedKernels.map((one) => [nameOf(one), one] as const);

describe.each(kernels)('the example patches, in a booted Linux %s', (_, tested) => {
  it.each([
    {
      example: 'proc-meminfo',
      functions: ['vmlinux meminfo_proc_show changed'],
      before: /no line "Livepatched"/,
      during: /Livepatched: +yes/,
    },
    {
      example: 'ext4-feature',
      functions: ['ext4 ext4_attr_show changed'],
      before: /supported$|ext4 is not loaded/,
      during: /supported, livepatched|ext4 is not loaded/,
      // Loaded before the livepatch, and after it.
      seen: { text: 'supported, livepatched', times: 2 },
    },
    {
      example: 'inlined-task-state',
      functions: ['vmlinux do_task_stat inlines', 'vmlinux proc_pid_status inlines'],
      before: /R \(running\)/,
      during: /r \(running, livepatched\)/,
    },
    {
      example: 'new-function',
      functions: ['vmlinux version_count new', 'vmlinux version_proc_show changed'],
      before: /no count/,
      during: /\d+$/,
    },
  ])(
    '$example changes what is seen, and changes it back',
    async ({ example, functions, before, during, seen }) => {
      const { exitCode, result } = await generate(tested, example, [
        '--verify',
        '--test',
        `examples/${example}/test.sh`,
      ]);
      expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
      expect({ exitCode, status: result.status }).toEqual({ exitCode: 0, status: 'verified' });
      expect(result.functions.map((f) => `${f.object} ${f.name} ${f.why}`).sort()).toEqual(functions);
      expect(result.verification?.steps.every((s) => s.ok)).toBe(true);
      for (const text of [...printed(result, 'before'), ...printed(result, 'after')])
        expect(text).toMatch(before);
      expect(printed(result, 'during').length).toBeGreaterThan(0);
      for (const text of printed(result, 'during')) expect(text).toMatch(during);
      const times = printed(result, 'during').filter((text) => text.includes(seen?.text ?? '')).length;
      expect(times).toBeGreaterThanOrEqual(seen?.times ?? 1);
    },
  );

  it('with callbacks sets a variable of the kernel, and sets it back, also when a module is patched as well', async () => {
    const { exitCode, result } = await generate(tested, 'proc-meminfo', [
      'examples/ext4-feature/ext4-feature.patch',
      ...['--callbacks', 'examples/callback/callbacks.c', '--name', 'callback'],
      ...['--verify', '--test', 'examples/callback/test.sh'],
    ]);
    expect({ exitCode, status: result.status }).toEqual({ exitCode: 0, status: 'verified' });
    expect(new Set(printed(result, 'before'))).toEqual(new Set(['pipe-max-size: 1048576']));
    expect(new Set(printed(result, 'during'))).toEqual(new Set(['pipe-max-size: 2097152']));
    expect(new Set(printed(result, 'after'))).toEqual(new Set(['pipe-max-size: 1048576']));
    expect(result.symbols.map((s) => s.name)).toContain('pipe_max_size');
  });

  it('that changes an initial value is refused at its line', async () => {
    const { exitCode, result } = await generate(tested, 'refused-initialiser');
    expect(exitCode).toBe(3);
    expect(result).toMatchObject({ status: 'refused', artifacts: [] });
    const [found] = result.findings.filter((f) => f.severity === 'error');
    expect(found).toMatchObject({ code: 'data-changed', severity: 'error', file: 'fs/pipe.c' });
    // The line of the variable: 55 in 7.2.
    expect([54, 55]).toContain(found?.line);
  });
});

describe('two runs', () => {
  it('give the same bytes', async () => {
    const [a, b] = [await generate(pinned, 'proc-meminfo'), await generate(pinned, 'proc-meminfo')];
    expect(a.result.artifacts.length).toBe(2);
    expect(a.result.artifacts).toEqual(b.result.artifacts);
  });
});

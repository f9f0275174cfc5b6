import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { bundleForImage } from '../helpers/bundle.js';
import type { Score } from '../mutation/score.js';
import { runInImage } from '../qemu/kernel.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';

/** Mutants of each kind and file; more of them with KLP_MUTANTS. The same seed makes the same mutants. */
const count = Number(process.env.KLP_MUTANTS ?? 1);
const seed = Number(process.env.KLP_MUTATION_SEED ?? 1);
const files = ['fs/proc/meminfo.c', 'kernel/futex/core.c', 'fs/pipe.c', 'kernel/time/hrtimer.c'];

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'klp-mutation-'));
  await bundleForImage('test/mutation/main.ts', join(dir, 'input'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it.each(pinnedKernels.map((one) => [nameOf(one), one] as const))(
  'no small change to the IR of Linux %s that changes the code escapes the diff',
  async (name, tested) => {
    const context = controllerContext({ progress: () => undefined, timings: {} });
    const out = join(dir, name);
    mkdirSync(out);
    const argv = [
      ...['node', '/job/main.mjs', '/usr/src/linux', String(seed), String(count)],
      '/job/scores.json',
    ];
    await withEngine(context, async (docker) => {
      const image = await ensureImage(docker, tested, context);
      await runInImage(docker, image, join(dir, 'input'), [...argv, ...files], out, context);
    });
    const scores = JSON.parse(readFileSync(join(out, 'scores.json'), 'utf8')) as Score[];
    const sum = (of: keyof Score): number => scores.reduce((all, one) => all + Number(one[of]), 0);
    process.stdout.write(
      [
        `${name}: ${sum('mutants')} mutants, ${sum('caught')} caught, ${sum('equivalent')} the same code`,
        ...scores.map((s) => `  ${s.kind}: ${s.mutants}, ${s.caught}, ${s.equivalent}, ${s.missed} missed`),
        '',
      ].join('\n'),
    );
    expect(sum('caught')).toBeGreaterThan(scores.length);
    expect(scores.flatMap(({ kind, examples }) => examples.map((one) => `${kind}: ${one}`))).toEqual([]);
  },
);

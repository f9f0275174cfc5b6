import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { bundleForImage } from '../helpers/bundle.js';
import type { Found } from '../mutation/unused.js';
import { runInImage } from '../qemu/kernel.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';

/** Functions of each header; more of them with KLP_MUTANTS. The same seed takes the same ones. */
const count = 2 * Number(process.env.KLP_MUTANTS ?? 1);
const seed = Number(process.env.KLP_MUTATION_SEED ?? 1);
const headers = [
  'include/linux/fs.h',
  'include/linux/mm.h',
  'include/linux/skbuff.h',
  'include/linux/list.h',
];

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'klp-unused-'));
  await bundleForImage('test/mutation/unused.ts', join(dir, 'input'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it.each(pinnedKernels.map((one) => [nameOf(one), one] as const))(
  'objects of Linux %s that do not use what a header changes are the same to the byte',
  async (name, tested) => {
    const context = controllerContext({ progress: () => undefined, timings: {} });
    const out = join(dir, name);
    mkdirSync(out);
    const argv = ['node', '/job/main.mjs', '/usr/src/linux', String(seed), String(count), '/job/found.json'];
    await withEngine(context, async (docker) => {
      const image = await ensureImage(docker, tested, context);
      await runInImage(docker, image, join(dir, 'input'), [...argv, ...headers], out, context);
    });
    const found = JSON.parse(readFileSync(join(out, 'found.json'), 'utf8')) as Found[];
    const unused = found.filter(({ text }) => text === 'unused');
    process.stdout.write(`${name}: ${unused.length} of ${found.length} objects do not use what changes\n`);
    expect(unused.filter(({ sameCode }) => !sameCode)).toEqual([]);
    expect(unused.length).toBeGreaterThan(found.length / 2);
  },
);

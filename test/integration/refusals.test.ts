import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { engineResults, type Made } from '../qemu/behaviour/generate.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';
import { refusals } from './refusals.js';

const context = controllerContext({ progress: () => undefined, timings: {} });

/** The edits name lines of this series of kernels. */
const kernels = pinnedKernels.filter(({ kernel }) => kernel.startsWith('6.12.'));

describe.each(kernels.map((one) => [nameOf(one), one] as const))('Linux %s refuses', (_, tested) => {
  const cases = refusals.filter(({ arch }) => arch === undefined || arch === tested.arch);
  let dir: string;
  let results: Made['results'];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'klp-refusals-'));
    results = await withEngine(context, async (docker) =>
      engineResults(docker, await ensureImage(docker, tested, context), cases, dir, context),
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(cases.map((one) => [`${one.name}: ${one.about}`, one] as const))('%s', (__, one) => {
    const result = results.get(one.name)?.document;
    expect(result).toMatchObject({ status: 'refused', artifacts: [] });
    const errors = result?.findings.filter((f) => f.severity === 'error') ?? [];
    expect(errors).toContainEqual(
      expect.objectContaining({
        code: one.code,
        file: one.file ?? one.edits[0]?.file,
        message: expect.stringMatching(one.message) as string,
      }),
    );
    expect(errors.map(({ advice }) => advice?.length ?? 0)).not.toContain(0);
  });
});

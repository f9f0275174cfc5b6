import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import type { BootAssets } from '../../src/verify/types.js';
import { verify, type Verified } from '../../src/verify/verify.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';
import { drift } from './behaviour/drift.js';
import { functions } from './behaviour/functions.js';
import { generateAll, type Made } from './behaviour/generate.js';
import { mechanisms } from './behaviour/mechanisms.js';
import { objects } from './behaviour/objects.js';
import type { Behaviour } from './behaviour/types.js';
import { about, failed } from './run.js';

/** The same boot files with modules of the tests beside the kernel's own, in the folder `extra`. */
function withExtra(assets: BootAssets, dir: string, modules: readonly string[]): BootAssets {
  const modulesDir = join(dir, 'modules');
  cpSync(assets.modulesDir, modulesDir, { recursive: true });
  const tree = join(modulesDir, 'lib/modules', assets.release);
  mkdirSync(join(tree, 'extra'));
  for (const module of modules) {
    const name = module.split('/').at(-1) ?? '';
    cpSync(module, join(tree, 'extra', name));
    appendFileSync(join(tree, 'modules.dep'), `extra/${name}:\n`);
  }
  return { ...assets, modulesDir };
}

const prelude = readFileSync(join(import.meta.dirname, 'behaviour', 'prelude.sh'), 'utf8');
const context = controllerContext({ progress: () => undefined, timings: {} });

/** The edits name lines of this series of kernels. */
const kernels = pinnedKernels.filter(({ kernel }) => kernel.startsWith('6.12.'));

describe.each(kernels.map((one) => [nameOf(one), one] as const))('Linux %s', (_, tested) => {
  const cases = [...functions, ...drift, ...mechanisms, ...objects].filter(
    ({ arch }) => arch === undefined || arch === tested.arch,
  );
  let dir: string;
  let made: Made;
  let seen: Verified;

  async function boot(assets: BootAssets): Promise<Verified> {
    const livepatches = cases.flatMap((one) => {
      const result = made.results.get(one.name);
      return result?.document.status === 'livepatch' ? [{ ...one, ...result }] : [];
    });
    const extra = [made.probe, ...livepatches.map(({ module }) => module)];
    const request = livepatches.map(({ name, script, module, document }) => {
      const testScript = join(dir, `${name}.sh`);
      writeFileSync(testScript, `${prelude}\n${script}\ntrue\n`);
      const patched = [...new Set(document.functions.map((f) => f.object))].filter((o) => o !== 'vmlinux');
      return { name, livepatch: module, objects: patched, moduleLoad: 'both' as const, testScript };
    });
    return await verify(
      {
        assets: withExtra(assets, dir, extra),
        cases: request,
        selftests: false,
        cacheDir: context.cacheDir,
        logFile: join(dir, 'console'),
      },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'klp-behaviour-'));
    const assets = await withEngine(context, async (docker) => {
      const image = await ensureImage(docker, tested, context);
      made = await generateAll(docker, image, cases, dir, context);
      return exportBootAssets(docker, image, context);
    });
    seen = await boot(assets);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const name = ({ name: title, about: what }: Behaviour): string => `${title}: ${what}`;

  it.each(cases.map((one) => [name(one), one] as const))('%s', (__, one) => {
    const { document } = made.results.get(one.name) ?? {};
    expect(document?.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(document?.status).toBe('livepatch');
    expect(document?.functions.map((f) => f.name)).toEqual(expect.arrayContaining(one.functions));

    for (const phase of ['before', 'during', 'after'] as const) {
      const steps = seen.verification.steps.filter(
        (step) => step.case === one.name && step.name === `test-${phase}`,
      );
      expect(steps.length, phase).toBeGreaterThan(0);
      for (const step of steps) expect(step.output?.trimEnd() ?? '', phase).toBe(one.seen[phase]);
    }
    expect(failed(seen, one.name)).toEqual([]);
    const reports = about(seen, one.name).map((finding) => finding.message);
    expect(reports).toEqual((one.reports ?? []).map((text) => expect.stringMatching(text) as string));
  });
});

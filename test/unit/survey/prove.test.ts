import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext } from '../../../src/controller/context.js';
import type { Finding, SurveyedItem } from '../../../src/shared/result.js';
import { proveItems } from '../../../src/survey/prove.js';
import { folderOf, recordsIn, type ItemRecord } from '../../../src/survey/records.js';
import { conclude } from '../../../src/survey/summary.js';
import type { SurveyItem } from '../../../src/survey/types.js';
import { emptyResult } from '../../../src/shared/result.js';
import { exitCodeOfResult } from '../../../src/shared/outcome.js';
import type { BootAssets } from '../../../src/verify/types.js';
import type { Verified } from '../../../src/verify/verify.js';

const item = (id: string): SurveyItem => ({ name: `${id}.c`, id, parts: [] });
const record = (id: string, entry: Partial<SurveyedItem> = {}): ItemRecord => ({
  key: '',
  entry: {
    ...{ name: `${id}.c`, id, files: [], outcome: 'livepatch', with: [], attempts: [], leftOut: [] },
    ...{ functions: 1, touched: 1, module: `${folderOf({ id })}/x.ko`, folder: folderOf({ id }), ms: 0 },
    ...entry,
  },
  findings: [],
  objects: [],
});
const assets = {} as BootAssets;

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'klp-prove-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Proves the records with a machine on which what `fails` says goes wrong in a boot of these cases. */
async function prove(records: ItemRecord[], fails: (id: string, boot: string[]) => boolean) {
  const boots: string[][] = [];
  const items = records.map(({ entry }) => item(entry.id));
  const proved = await proveItems(
    records,
    {
      ...{
        assets,
        outDir: dir,
        records: recordsIn(dir, [], items),
        moduleLoad: 'both',
        jobs: 1,
        timeoutMs: 1000,
      },
      verify: async ({ cases }): Promise<Verified> => {
        const boot = cases.map(({ name }) => name);
        boots.push(boot);
        const findings: Finding[] = boot
          .filter((id) => fails(id, boot))
          .map((id) => ({
            code: 'kernel-oops',
            severity: 'error',
            message: `${id}, target before: it oopses`,
          }));
        const steps = boot.map((id) => ({
          case: id,
          phase: 'during' as const,
          name: 'transition',
          ok: true,
        }));
        const verification = { accelerator: 'tcg' as const, steps, dmesg: [], transitionMs: {} };
        return { ok: findings.length === 0, findings, verification };
      },
    },
    controllerContext({ progress: () => undefined, timings: {} }),
  );
  return { proved, boots, outcomes: proved.map(({ entry }) => entry.outcome) };
}

describe('the livepatches of a survey', () => {
  it('share a boot; what is none is not booted', async () => {
    const { boots, outcomes } = await prove(
      [record('a'), record('b', { outcome: 'refused' }), record('c')],
      () => false,
    );
    expect(boots).toEqual([['a', 'c']]);
    expect(outcomes).toEqual(['verified', 'refused', 'verified']);
  });

  it('are many boots when they are many', async () => {
    const many = Array.from({ length: 45 }, (_, i) => record(`p${i}`));
    const { boots, outcomes } = await prove(many, () => false);
    expect(boots.length).toBeGreaterThan(1);
    expect(boots.flat().sort()).toEqual(many.map(({ entry }) => entry.id).sort());
    expect(new Set(outcomes)).toEqual(new Set(['verified']));
  });

  it('that fails is booted again alone, and is the only one that failed', async () => {
    const { boots, outcomes, proved } = await prove(
      [record('a'), record('b'), record('c')],
      (id) => id === 'b',
    );
    expect(boots).toEqual([['a', 'b', 'c'], ['b']]);
    expect(outcomes).toEqual(['verified', 'verification-failed', 'verified']);
    expect(proved[1]?.entry).toMatchObject({ code: 'kernel-oops' });
    const known = emptyResult('error');
    conclude(known, { about: 'test', ordered: true }, proved);
    expect(known).toMatchObject({ status: 'verification-failed', survey: { outcomes: { verified: 2 } } });
    expect(exitCodeOfResult(known)).toBe(6);
  });

  it('that fails beside others alone is verified, with a warning that names them', async () => {
    const { outcomes, proved } = await prove(
      [record('a'), record('b')],
      (id, boot) => id === 'b' && boot.length > 1,
    );
    expect(outcomes).toEqual(['verified', 'verified']);
    expect(proved[1]?.findings).toMatchObject([
      { code: 'failed-in-company', severity: 'warning', output: 'a.c' },
    ]);
  });

  it('that was never loaded is not verified', async () => {
    const { outcomes } = await prove([record('a')], () => false);
    expect(outcomes).toEqual(['verified']);
    const items = [item('a')];
    const silent = await proveItems(
      [record('a')],
      {
        ...{
          assets,
          outDir: dir,
          records: recordsIn(dir, [], items),
          moduleLoad: 'both',
          jobs: 1,
          timeoutMs: 1000,
        },
        verify: async () => ({
          ok: true,
          findings: [],
          verification: { accelerator: 'tcg', steps: [], dmesg: [], transitionMs: {} },
        }),
      },
      controllerContext({ progress: () => undefined, timings: {} }),
    );
    expect(silent[0]?.entry.outcome).toBe('verification-failed');
  });
});

describe('the exit code of a survey', () => {
  it.each([
    { outcomes: [{ outcome: 'refused', code: 'data-changed' }], exitCode: 0 },
    { outcomes: [{ outcome: 'unusable', code: 'does-not-compile' }], exitCode: 0 },
    { outcomes: [{ outcome: 'error', code: 'item-timeout' }], exitCode: 5 },
    {
      outcomes: [
        { outcome: 'error', code: 'internal' },
        { outcome: 'error', code: 'item-timeout' },
      ],
      exitCode: 1,
    },
  ] as const)('is $exitCode with $outcomes', ({ outcomes, exitCode }) => {
    const known = emptyResult('error');
    conclude(
      known,
      { about: 'test', ordered: true },
      outcomes.map((entry, i) => record(`p${i}`, entry)),
    );
    expect(exitCodeOfResult(known)).toBe(exitCode);
  });
});

import { join } from 'node:path';
import type { ControllerContext } from '../controller/context.js';
import { codes } from '../shared/codes.js';
import type { Finding } from '../shared/result.js';
import type { BootAssets, VerifyCase } from '../verify/types.js';
import { verify, type Verified } from '../verify/verify.js';
import { inParallel } from '../shared/parallel.js';
import type { ItemRecord, Records } from './records.js';

/** Livepatches that share a boot as long as all goes well; a boot costs about as much as one of them. */
const perBoot = 20;

export interface ProofRequest {
  assets: BootAssets;
  outDir: string;
  records: Records;
  moduleLoad: VerifyCase['moduleLoad'];
  /** Boots at a time. */
  jobs: number;
  timeoutMs: number;
  /** Boots and looks; `verify` but for tests. */
  verify?: typeof verify;
}

/**
 * Boots the kernel with the livepatches of a survey, several to a boot. One that fails is booted again alone, so that
 * none is blamed for what another left behind. Each record is written as soon as it is known.
 * @returns the records, those of livepatches with how the boot went
 * @throws KlpError `qemu-missing`, `qemu-failed`, `boot-assets-incomplete`, `interrupted`
 */
export async function proveItems(
  records: readonly ItemRecord[],
  request: ProofRequest,
  context: ControllerContext,
): Promise<ItemRecord[]> {
  const open = records.filter(({ entry }) => entry.outcome === 'livepatch');
  const batches: ItemRecord[][] = [];
  for (let i = 0; i < open.length; i += perBoot) batches.push(open.slice(i, i + perBoot));
  const proved = new Map<string, ItemRecord>();
  await inParallel(batches, request.jobs, async (batch) => {
    const stage = { type: 'stage', name: 'verify', detail: rangeOf(batch, open) } as const;
    context.progress({ ...stage, state: 'start' });
    const started = performance.now();
    const together = await bootOf(batch, `${batch[0]?.entry.id}.log`, request, context);
    for (const record of batch) {
      const said = about(together, record);
      const findings = said.some(isError) ? await alone(record, said, batch, request, context) : said;
      const known = withFindings(record, findings);
      await request.records.write(known);
      proved.set(record.entry.id, known);
    }
    context.progress({ ...stage, state: 'done', ms: performance.now() - started });
  });
  return records.map((record) => proved.get(record.entry.id) ?? record);
}

function rangeOf(batch: readonly ItemRecord[], all: readonly ItemRecord[]): string {
  const first = batch[0] === undefined ? 0 : all.indexOf(batch[0]);
  return `livepatches ${first + 1} to ${first + batch.length} of ${all.length}`;
}

async function bootOf(
  batch: readonly ItemRecord[],
  log: string,
  request: ProofRequest,
  context: ControllerContext,
): Promise<Verified> {
  const { assets, outDir, moduleLoad, timeoutMs } = request;
  const cases = batch.map(({ entry, objects }) => ({
    name: entry.id,
    livepatch: join(outDir, entry.module ?? ''),
    objects,
    moduleLoad,
  }));
  return await (request.verify ?? verify)(
    {
      ...{ assets, cases, selftests: false, timeoutMs, cacheDir: context.cacheDir },
      logFile: join(outDir, 'boots', log),
    },
    {
      signal: context.signal,
      // The stages of boots side by side would be one another's; what the guests do is told.
      progress: (event) => (event.type === 'line' ? context.progress(event) : undefined),
      timings: {},
    },
  );
}

/** What a boot found about one livepatch. One that no step speaks of was never loaded. */
function about({ verification, findings }: Verified, { entry }: ItemRecord): Finding[] {
  const { id } = entry;
  const own = findings.filter(({ message }) => message.startsWith(`${id}:`) || message.startsWith(`${id},`));
  if (own.some(isError) || verification.steps.some((step) => step.case === id && step.ok)) return own;
  const ofBoot = findings.filter((finding) => isError(finding) && finding.code === 'kernel-does-not-boot');
  const none: Finding = { code: 'machine-ended', severity: 'error', message: `${id}: it was never loaded` };
  return [...own, ...(ofBoot.length > 0 ? ofBoot : [none])];
}

/** Boots a livepatch that failed in a boot of its own, whose word is the last. */
async function alone(
  record: ItemRecord,
  said: Finding[],
  batch: readonly ItemRecord[],
  request: ProofRequest,
  context: ControllerContext,
): Promise<Finding[]> {
  const before = batch.slice(0, batch.indexOf(record)).map(({ entry }) => entry.name);
  if (before.length === 0) return said;
  const { id, name } = record.entry;
  const findings = about(await bootOf([record], `${id}.alone.log`, request, context), record);
  if (findings.some(isError)) return findings;
  const first = said.find(isError);
  return [
    ...findings,
    {
      code: 'failed-in-company',
      severity: 'warning',
      message: `${name} passed alone, but failed after ${before.length} others in one boot: ${first?.message}`,
      advice: codes['failed-in-company'].advice,
      output: before.join('\n'),
    },
  ];
}

function withFindings(record: ItemRecord, findings: Finding[]): ItemRecord {
  const failure = findings.find(isError);
  if (failure === undefined) return { ...record, findings, entry: { ...record.entry, outcome: 'verified' } };
  const { code, message } = failure;
  return { ...record, findings, entry: { ...record.entry, outcome: 'verification-failed', code, message } };
}

const isError = ({ severity }: Finding): boolean => severity === 'error';

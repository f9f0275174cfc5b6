import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { codes } from '../shared/codes.js';
import { KlpError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import { stage } from '../shared/progress.js';
import type { Finding, Verification } from '../shared/result.js';
import { boot } from './boot.js';
import { buildInitramfs, selftestScripts, type BootPlan, type PlannedCase } from './initramfs.js';
import { readLivepatch } from './livepatch.js';
import { readModuleTree, type ModuleTree } from './modules.js';
import { chooseAccelerator, type Choice } from './probe.js';
import { requireQemu } from './qemu.js';
import type { BootRecord } from './recorder.js';
import { selftestsTap } from './tap.js';
import type { VerifyCase, VerifyContext, VerifyRequest } from './types.js';

/** Generous, because without KVM everything takes its time. */
export const defaultTimeoutMs = 300_000;
/** Lines of the console that the result keeps. */
const keptLines = 200;

/** What a verification found. */
export interface Verified {
  /** No finding is an error. */
  ok: boolean;
  verification: Verification;
  findings: Finding[];
}

/**
 * Boots the kernel in QEMU and loads, tests, disables and unloads each livepatch. Cases share a boot as long as
 * all goes well; after a crash the rest gets a fresh one, so that no case suffers from another.
 * @throws KlpError `qemu-missing`, `qemu-failed`, `boot-assets-incomplete`, `not-a-livepatch`,
 *   `module-of-another-kernel`, `interrupted`. That a livepatch fails is no exception, but a finding.
 */
export async function verify(request: VerifyRequest, context: VerifyContext): Promise<Verified> {
  const { assets } = request;
  requireQemu(assets.arch);
  const planned = await Promise.all(request.cases.map((one) => planCase(one, assets.release)));
  const scripts = request.selftests ? await selftestScripts(assets) : [];
  const tree = await readModuleTree(assets.modulesDir, assets.release);
  const choice = await stage('accelerator', context, () =>
    chooseAccelerator(
      { arch: assets.arch, kernel: assets.kernel },
      { signal: context.signal, ...(request.cacheDir === undefined ? {} : { cacheDir: request.cacheDir }) },
    ),
  );
  const machine: Choice = request.accelerator === 'tcg' ? { accelerator: 'tcg', why: 'asked for' } : choice;
  context.progress({ type: 'note', text: `QEMU with ${machine.accelerator} (${machine.why})` });

  const records: BootRecord[] = [];
  const findings: Finding[] = planned.flatMap((one) => missingObjects(tree, one, one.case.objects));
  if (request.selftests && scripts.length === 0) {
    findings.push({
      code: 'selftests-missing',
      severity: 'error',
      message: 'the boot files hold no selftests',
    });
  }
  const bootOnce = async (
    cases: readonly PlannedCase[],
    selftests: readonly string[],
  ): Promise<BootRecord> => {
    const plan = planBoot(request, cases, selftests);
    const record = await stage('boot', context, async () =>
      boot({
        arch: assets.arch,
        accelerator: machine.accelerator,
        kernel: assets.kernel,
        initramfs: await buildInitramfs(assets, tree, plan),
        plan,
        timeoutMs: request.timeoutMs ?? defaultTimeoutMs,
        signal: context.signal,
        onDoing: (what) => context.progress({ type: 'line', text: what }),
      }),
    );
    records.push(record);
    return record;
  };
  await runCases(planned, tree, bootOnce);
  await runSelftests(scripts, bootOnce);

  const result = combine(machine, records, request.selftests);
  findings.push(...records.flatMap((record) => record.findings));
  if (request.logFile !== undefined) {
    await writeFileAtomic(request.logFile, records.map((record) => `${record.log.join('\n')}\n`).join('\n'));
  }
  return { ok: !findings.some((finding) => finding.severity === 'error'), verification: result, findings };
}

async function planCase(one: VerifyCase, release: string): Promise<PlannedCase> {
  const info = readLivepatch(await readFile(one.livepatch), one.livepatch);
  if (info.release !== release) {
    // Not the file's path: what a package holds is in a temporary folder.
    throw new KlpError('module-of-another-kernel', `${one.name} is for ${info.release}, not for ${release}`);
  }
  const objects = [...new Set([...one.objects.map((name) => name.replaceAll('-', '_')), ...info.objects])];
  return {
    case: { ...one, objects },
    module: info.name,
    ...(info.buildId === undefined ? {} : { buildId: info.buildId }),
    passes: objects.length === 0 ? ['once'] : orders(one.moduleLoad),
  };
}

/** Modules that a livepatch patches and this kernel does not have: that part is not proved. */
function missingObjects(tree: ModuleTree, one: PlannedCase, objects: Iterable<string>): Finding[] {
  return [...objects]
    .filter((name) => !tree.paths.has(name))
    .map((name) => ({
      code: 'object-not-tested',
      severity: 'error' as const,
      message: `${one.case.name}: this kernel has no module ${name}`,
      advice: codes['object-not-tested'].advice,
      object: name,
    }));
}

function planBoot(
  request: VerifyRequest,
  cases: readonly PlannedCase[],
  selftests: readonly string[],
): BootPlan {
  // The guest gives up before the host does, because it can say more about what is wrong.
  const seconds = (request.timeoutMs ?? defaultTimeoutMs) / 1000;
  return {
    token: randomBytes(6).toString('hex'),
    cases,
    selftests,
    limits: {
      script: Math.max(1, Math.floor(seconds * 0.4)),
      transition: Math.max(1, Math.min(60, Math.floor(seconds * 0.2))),
      selftest: Math.max(1, Math.floor(seconds * 0.9)),
    },
  };
}

type BootOnce = (cases: readonly PlannedCase[], selftests: readonly string[]) => Promise<BootRecord>;

async function runCases(
  planned: readonly PlannedCase[],
  tree: ModuleTree,
  bootOnce: BootOnce,
): Promise<void> {
  let rest = [...planned];
  while (rest.length > 0) {
    const record = await bootOnce(rest, []);
    if (!record.started) return;
    const again: PlannedCase[] = [];
    rest.slice(0, record.begun).forEach((one, index) => {
      const untold = [...(record.objects.get(index) ?? [])].filter(
        (name) => !one.case.objects.includes(name),
      );
      record.findings.push(...missingObjects(tree, one, untold));
      const told = withTold(one, untold, tree);
      if (told === undefined) return;
      // Without its modules the case was not the one that was asked for.
      forget(record, index, one.case.name);
      again.push(told);
    });
    // A case that was begun has its result, even when the boot ended in it.
    rest = [...again, ...rest.slice(Math.max(record.begun, 1))];
  }
}

/** The case again, with the modules that only the loaded livepatch has named; undefined when there are none. */
function withTold(one: PlannedCase, told: readonly string[], tree: ModuleTree): PlannedCase | undefined {
  const more = told.filter((name) => tree.paths.has(name));
  if (more.length === 0) return undefined;
  return {
    ...one,
    case: { ...one.case, objects: [...one.case.objects, ...more] },
    passes: orders(one.case.moduleLoad),
  };
}

function forget(record: BootRecord, index: number, name: string): void {
  record.steps = record.steps.filter((step) => step.case !== name);
  record.findings = record.findings.filter((finding) => record.caseOf.get(finding) !== index);
  for (const key of Object.keys(record.transitionMs)) {
    if (key === name || key.startsWith(`${name}/`)) delete record.transitionMs[key];
  }
}

function orders(moduleLoad: VerifyCase['moduleLoad']): PlannedCase['passes'] {
  return moduleLoad === 'both' ? ['before', 'after'] : [moduleLoad];
}

async function runSelftests(scripts: readonly string[], bootOnce: BootOnce): Promise<void> {
  let rest = [...scripts];
  while (rest.length > 0) {
    const record = await bootOnce([], rest);
    const last = record.selftests.at(-1);
    if (!record.started || last === undefined) return;
    rest = rest.slice(rest.indexOf(last.name) + 1);
  }
}

function combine(machine: Choice, records: readonly BootRecord[], withSelftests: boolean): Verification {
  const selftests = records.flatMap((record) => record.selftests);
  return {
    accelerator: machine.accelerator,
    steps: records.flatMap((record) => record.steps),
    dmesg: records.flatMap((record) => record.dmesg),
    transitionMs: Object.assign({}, ...records.map((record) => record.transitionMs)) as Record<
      string,
      number
    >,
    ...(withSelftests ? { selftests, tap: selftestsTap(selftests) } : {}),
    log: records
      .flatMap((record) => record.log)
      .slice(-keptLines)
      .join('\n'),
  };
}

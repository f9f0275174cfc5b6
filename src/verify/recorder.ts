import { codes, type Code } from '../shared/codes.js';
import type { Finding, Verification } from '../shared/result.js';
import { parseConsoleLine } from './console.js';
import type { BootPlan, PlannedCase } from './initramfs.js';
import { watchLog } from './kernel-log.js';
import { stepKinds } from './step-kinds.js';

type Step = Verification['steps'][number];
type Selftest = NonNullable<Verification['selftests']>[number];

/** What was seen of one boot so far. Filled while the machine runs. */
export interface BootRecord {
  /** init has spoken. */
  started: boolean;
  /** The guest has said that it is through, or that it gives up on this boot. */
  finished: boolean;
  /** Seconds of guest time at which init spoke. */
  initAt: number | undefined;
  steps: Step[];
  findings: Finding[];
  /** Index of the case that ran when a finding was made, if one did. */
  caseOf: Map<Finding, number>;
  dmesg: string[];
  transitionMs: Record<string, number>;
  selftests: Selftest[];
  /** Cases that were begun, by index; the last may not have come to its end. */
  begun: number;
  /** Cases that came to their end, well or not. */
  completed: number;
  /** Modules that a loaded livepatch named, per case index. */
  objects: Map<number, Set<string>>;
  /** What is going on now, for people. */
  doing: string;
  /** All lines of the console. */
  log: string[];
}

export interface Recorder {
  record: BootRecord;
  /** Takes one line of the console. Returns true when it tells of progress that restarts the deadline. */
  line: (text: string) => boolean;
  /** Ends the step that was running when the machine ended, as failed. */
  cut: (why: string) => void;
  /** Adds a finding about what is running now. */
  find: (code: Code, message: string, extra?: Partial<Finding>) => void;
}

/** Kernel lines shown with a failed step. */
const contextLines = 15;

const phases: readonly Step['phase'][] = ['boot', 'before', 'during', 'after'];

interface OpenStep {
  name: string;
  at: number | undefined;
  output: string[];
  kernel: string[];
}

/** Makes steps, findings and times of what the guest says on its console. */
export function createRecorder(plan: BootPlan): Recorder {
  const record: BootRecord = {
    started: false,
    finished: false,
    initAt: undefined,
    steps: [],
    findings: [],
    caseOf: new Map(),
    dmesg: [],
    transitionMs: {},
    selftests: [],
    begun: 0,
    completed: 0,
    objects: new Map(),
    doing: 'the kernel boots',
    log: [],
  };
  let planned: PlannedCase | undefined;
  let pass: PlannedCase['passes'][number] | undefined;
  let step: OpenStep | undefined;
  let selftest: { name: string; output: string[] } | undefined;
  let partial = '';
  let phase: Step['phase'] = 'boot';
  let enablingAt: number | undefined;
  let build = '';

  const label = (): string => {
    if (planned === undefined) return '';
    return pass === undefined || pass === 'once' ? planned.case.name : `${planned.case.name}, target ${pass}`;
  };

  const find: Recorder['find'] = (code, message, extra = {}) => {
    const where = label() === '' ? '' : `${label()}: `;
    const advice = codes[code].advice;
    const finding: Finding = { code, severity: 'error', message: where + message, advice, ...extra };
    record.findings.push(finding);
    if (planned !== undefined) record.caseOf.set(finding, record.begun - 1);
  };

  const endStep = (ok: boolean, at: number | undefined, blame = !ok): void => {
    if (step === undefined) return;
    const kind = stepKinds[step.name];
    const output = [...step.output, ...(ok ? [] : step.kernel)].join('\n');
    record.steps.push({
      ...(planned === undefined ? {} : { case: planned.case.name }),
      ...(pass === undefined || pass === 'once' ? {} : { moduleLoad: pass }),
      phase,
      name: step.name,
      ok,
      ...(at === undefined || step.at === undefined ? {} : { ms: Math.round((at - step.at) * 1000) }),
      ...(output === '' ? {} : { output }),
    });
    if (blame && kind !== undefined) find(kind.code, kind.what, output === '' ? {} : { output });
    step = undefined;
  };

  const watch = watchLog(
    (line) => record.dmesg.push(line),
    (code, text, severity) => {
      const during =
        selftest !== undefined ? ` (selftest ${selftest.name})` : step !== undefined ? ` (${step.name})` : '';
      find(code, `the kernel says: ${text}${during}`, { severity });
    },
  );

  const kernelLine = (text: string, at: number): void => {
    // What the kernel says on its way up has nothing to do with a livepatch.
    if (planned === undefined && selftest === undefined) return;
    if (step !== undefined && step.kernel.push(text) > contextLines) step.kernel.shift();
    noteTransition(text, at);
    // Selftests provoke the livepatch core's complaints on purpose, and compare them themselves.
    watch.line(text, selftest !== undefined);
  };

  /** The kernel's own time stamps are finer than the guest's polling. */
  const noteTransition = (text: string, at: number): void => {
    if (planned === undefined) return;
    if (text.startsWith(`livepatch: enabling patch '${planned.module}'`)) enablingAt = at;
    if (text === `livepatch: '${planned.module}': patching complete` && enablingAt !== undefined) {
      const key = pass === undefined || pass === 'once' ? planned.case.name : `${planned.case.name}/${pass}`;
      record.transitionMs[key] = Math.round((at - enablingAt) * 1e6) / 1e3;
      enablingAt = undefined;
    }
  };

  const endSelftest = (status: string, blame = true): void => {
    if (selftest === undefined) return;
    const { name, output } = selftest;
    const ok = status === '0';
    // Exit code 4 is kselftest's word for a test that cannot run here.
    const skipped = status === '4';
    record.selftests.push({ name, ok, skipped, output: output.join('\n') });
    if (blame && !ok && !skipped) {
      const how = status === 'timeout' ? 'did not end in time' : `failed with exit code ${status}`;
      find('selftest-failed', `${name} ${how}`, { output: output.join('\n') });
    }
    selftest = undefined;
  };

  /** What a boot shows of another build says nothing about the one that the livepatch was made for. */
  const compareBuild = (): void => {
    const own = planned?.buildId;
    if (own === undefined || own === build) return;
    const booted = build === '' ? 'tells no build id' : `is build ${build}`;
    find(
      'kernel-build-differs',
      `the livepatch was made for build ${own}, the kernel that was booted ${booted}`,
    );
  };

  const protocol = (verb: string, rest: string, at: number | undefined): boolean => {
    switch (verb) {
      case 'hello':
        record.started = true;
        record.initAt = at;
        record.doing = 'init';
        record.steps.push({
          phase: 'boot',
          name: 'boot',
          ok: true,
          ...(at === undefined ? {} : { ms: Math.round(at * 1000) }),
        });
        return true;
      case 'build':
        build = rest;
        return false;
      case 'case':
        planned = plan.cases[Number(rest)];
        pass = undefined;
        record.begun = Number(rest) + 1;
        record.doing = label();
        compareBuild();
        return true;
      case 'pass':
        pass = planned?.passes.find((known) => known === rest);
        watch.restart();
        return false;
      case 'phase':
        phase = phases.find((known) => known === rest) ?? phase;
        return false;
      case 'case-end':
        record.completed = record.begun;
        planned = undefined;
        pass = undefined;
        return false;
      case 'step':
        step = { name: rest, at, output: [], kernel: [] };
        record.doing = planned === undefined ? rest : `${label()}: ${rest}`;
        return false;
      case 'ok':
        endStep(true, at);
        return false;
      case 'failed':
        endStep(false, at);
        return false;
      case 'part':
        partial += rest;
        return false;
      case 'out':
        (selftest ?? step)?.output.push(partial + rest);
        partial = '';
        return false;
      case 'taint':
        watch.taint(Number(rest));
        return false;
      case 'object':
        if (rest !== 'vmlinux') addTo(record.objects, record.begun - 1, rest);
        return false;
      case 'holdout':
        step?.output.push(`task ${rest} holds it up:`);
        return false;
      case 'refcount':
        step?.output.push(`references: ${rest}`);
        return false;
      case 'selftest':
        selftest = { name: rest, output: [] };
        record.doing = `selftest ${rest}`;
        watch.restart();
        return true;
      case 'selftest-end':
        endSelftest(rest);
        return false;
      case 'abandon':
        if (step !== undefined) endStep(false, at);
        record.finished = true;
        return true;
      case 'end':
        record.finished = true;
        return true;
      default:
        return false;
    }
  };

  return {
    record,
    find,
    line: (text) => {
      record.log.push(text.replace(`@${plan.token} `, ''));
      const line = parseConsoleLine(plan.token, text);
      if (line.kind === 'kernel') kernelLine(line.text, line.at);
      return line.kind === 'protocol' && protocol(line.verb, line.rest, line.at);
    },
    cut: (why) => {
      step?.output.push(why);
      endStep(false, undefined, false);
      selftest?.output.push(why);
      endSelftest('cut', false);
    },
  };
}

function addTo(sets: Map<number, Set<string>>, key: number, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}

import { Argument, Option, type Command } from 'commander';
import { availableParallelism, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { exportBootAssets } from '../controller/boot.js';
import { controllerContext, type ControllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { ensureImage, type Image } from '../controller/images.js';
import { withLock } from '../controller/lock.js';
import { renderJson } from '../report/json.js';
import { renderFinding } from '../report/finding.js';
import { renderSurvey } from '../report/survey.js';
import { count } from '../report/units.js';
import { KlpError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import { stage } from '../shared/progress.js';
import { surveyItems } from '../survey/generate.js';
import { readGitRange, readItems, readPatchFiles, type ReadInput } from '../survey/input.js';
import { proveItems } from '../survey/prove.js';
import { recordsIn, unreadableRecord } from '../survey/records.js';
import { readReleases } from '../survey/releases.js';
import { conclude } from '../survey/summary.js';
import type { ModuleLoad } from '../verify/types.js';
import { imageFacts } from './build.js';
import { secondsFor, verifyLimits } from './generate.js';
import { withOutputDir } from './inputs.js';
import { imageRequest, kernelOptions, type KernelOptions } from './kernel-options.js';
import type { CommonOptions, Outcome, Session } from './session.js';
import { addVerb, type Cli } from './verb.js';
import { version } from './version.js';

interface SurveyOptions extends KernelOptions, CommonOptions {
  git?: string;
  range?: string;
  from?: string;
  to?: string;
  only?: string[];
  output: string;
  jobs?: number;
  itemTimeout: number;
  verify?: boolean;
  moduleLoad: ModuleLoad | 'both';
  timeout: number;
}

/** Memory that one item at a time is given on this machine (bytes); its container may take more for a moment. */
const memoryPerJob = 3 * 1024 ** 3;

/** `survey`: which of many changes can be livepatched on a kernel. */
export function registerSurvey(program: Command, cli: Cli): void {
  addVerb<SurveyOptions>(program, cli, {
    name: 'survey',
    usage: '',
    arguments: [new Argument('[patch...]', 'patch files, mbox files, and folders of them')],
    summary: 'say which of many changes can be livepatched on a kernel',
    options: [
      ...kernelOptions(),
      ['--git <dir>', 'take the commits of --range from the git repository there'],
      ['--range <from..to>', 'commits, one change each'],
      [
        '--from <kernel>',
        'the older of two kernels: a version, folder or tarball; that of --kernel unless given',
      ],
      ['--to <kernel>', 'the newer one; each file that differs is one change'],
      ['--only <path...>', 'answer only for changes of these files and folders of the kernel'],
      new Option('-o, --output <dir>', 'where the results go, and are found again').default('survey'),
      new Option(
        '--jobs <n>',
        'changes at a time; as many as processors and memory allow unless given',
      ).argParser(jobs),
      new Option('--item-timeout <seconds>', 'longest time for one attempt at a change')
        .argParser((text) => secondsFor('--item-timeout', text))
        .default(900),
      ['--verify', 'boot the kernel in QEMU and prove each livepatch, several to a boot'],
      ...verifyLimits(),
    ],
    example: 'klp-docker survey --kernel 6.12.107 --arch x86_64 --to 6.12.117 --only fs/proc -o survey',
    repeatable: true,
    run: async ([patches], options, session) => survey((patches ?? []) as string[], options, session),
  });
}

function jobs(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256)
    throw new KlpError('usage', `--jobs is a number from 1 to 256, not ${JSON.stringify(text)}`);
  return value;
}

async function survey(paths: string[], options: SurveyOptions, session: Session): Promise<Outcome> {
  const { known } = session;
  const context = controllerContext({ ...session, findings: known.findings }, session.io.env);
  const request = imageRequest(options);
  checkForm(paths, options);
  const work = async (outDir: string): Promise<void> => {
    const input = await readInput(paths, options, context);
    context.progress({ type: 'note', text: `${input.about}: ${count(input.asked.length, 'change')}` });
    for (const path of input.untouched)
      context.progress({ type: 'note', text: `--only ${path}: no change touches it` });
    for (const name of input.coverLetters)
      context.progress({ type: 'note', text: `${name}: a cover letter, which holds no patch, is left out` });
    const atATime = options.jobs ?? defaultJobs();
    await withEngine(context, async (docker) => {
      const image = await ensureImage(docker, request, context);
      Object.assign(known, imageFacts(image));
      const records = recordsIn(outDir, basisOf(image), input.items);
      let done = await surveyItems(
        docker,
        { input, image, outDir, records, jobs: atATime, itemTimeoutMs: options.itemTimeout * 1000 },
        context,
      );
      if (options.verify === true && done.some(({ entry }) => entry.outcome === 'livepatch')) {
        const assets = await exportBootAssets(docker, image, context);
        const { moduleLoad } = options;
        const timeoutMs = options.timeout * 1000;
        const proof = { assets, outDir, records, moduleLoad, jobs: atATime, timeoutMs };
        done = await stage('verification', context, () => proveItems(done, proof, context));
      }
      conclude(known, input, [...done, ...input.unreadable.map(unreadableRecord)]);
    });
    await writeFileAtomic(join(outDir, 'survey.json'), renderJson(known));
  };
  await withOutputDir(options.output, (outDir) =>
    // Items of two surveys may have one name, and the livepatch of one be booted as that of the other.
    withLock(`survey ${outDir}`, `a survey in ${options.output}`, context, () => work(outDir)),
  );
  const text = [
    ...(known.survey === undefined
      ? []
      : renderSurvey(known.survey, session.style, options.verbose === true)),
    ...known.findings
      .filter(({ severity }) => severity === 'warning')
      .flatMap((f) => ['', ...renderFinding(f, session.style)]),
    '',
    `all of it: ${join(options.output, 'survey.json')}`,
  ];
  return { result: known, text: `${text.join('\n')}\n` };
}

/** Exactly one form of input, and all of it. */
function checkForm(paths: readonly string[], { git, range, from, to }: SurveyOptions): void {
  if ((git === undefined) !== (range === undefined))
    throw new KlpError('usage', '--git names the repository and --range its commits: they come together');
  if (from !== undefined && to === undefined) throw new KlpError('usage', '--from needs --to');
  const forms = [paths.length > 0, git !== undefined, to !== undefined].filter(Boolean).length;
  if (forms === 1) return;
  throw new KlpError('usage', forms === 0 ? 'There is nothing to survey' : 'A survey has one kind of input', {
    advice: 'Name patches or folders, or give --git and --range, or --to and perhaps --from.',
  });
}

async function readInput(
  paths: string[],
  options: SurveyOptions,
  context: ControllerContext,
): Promise<ReadInput> {
  const { git, range, to, only = [] } = options;
  if (git !== undefined && range !== undefined) {
    const patches = await readGitRange(resolve(git), range, context.signal);
    return readItems(range, patches, true, only);
  }
  if (to === undefined) return readItems(paths.join(', '), await readPatchFiles(paths), true, only);
  const { about, patches } = await readReleases(options.from ?? options.kernel, to, context);
  return readItems(about, patches, false, only);
}

/** What a result rests on besides the patches. */
function basisOf(image: Image): string[] {
  return [version(), image.digest];
}

function defaultJobs(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / memoryPerJob)));
}

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { exportBootAssets } from '../controller/boot.js';
import { controllerContext, type ControllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { generateInImage, type GenerateJob } from '../controller/generate.js';
import { ensureImage, type ImageRequest } from '../controller/images.js';
import { inspectTree } from '../controller/tree.js';
import { renderJson } from '../report/json.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../shared/files.js';
import type { ResultDocument } from '../shared/result.js';
import { patchedModules } from '../verify/livepatch.js';
import type { BootAssets, ModuleLoad } from '../verify/types.js';
import { imageFacts } from './build.js';
import { checkInput, withOutputDir } from './inputs.js';
import {
  imageRequest,
  kernelOptions,
  kernelTreeOption,
  noKernel,
  type KernelOptions,
} from './kernel-options.js';
import { proveLivepatch } from './prove.js';
import type { CommonOptions, Outcome, Session } from './session.js';
import { generateFromTree } from './tree.js';
import { addVerb, type Cli, type OptionSpec } from './verb.js';

/** The options that say how a livepatch is verified; `generate` and `verify` share them. */
export interface ProofOptions {
  test?: string;
  selftests?: boolean;
  moduleLoad: ModuleLoad | 'both';
  timeout: number;
}

interface GenerateOptions extends Omit<KernelOptions, 'kernel'>, ProofOptions, CommonOptions {
  kernel?: string;
  kernelTree?: string;
  output: string;
  name?: string;
  callbacks?: string;
  replace: boolean;
  verify?: boolean;
  debugDir?: string;
}

/** `generate`: patches in, a livepatch and its package out, proved in QEMU when asked for. */
export function registerGenerate(program: Command, cli: Cli): void {
  addVerb<GenerateOptions>(program, cli, {
    name: 'generate',
    usage: '<patch...>',
    summary: 'turn patches into a livepatch for a kernel',
    options: [
      ...kernelOptions({ mandatory: false }),
      kernelTreeOption(),
      new Option('-o, --output <dir>', 'where the module, its package and the result go').default('out'),
      ['--name <name>', "the livepatch's name; the first patch file's unless given"],
      ['--callbacks <file.c>', 'C file with functions that run before and after patching'],
      ['--no-replace', 'leave other livepatches active when this one is loaded'],
      ['--debug-dir <dir>', 'keep every intermediate file there'],
      ['--verify', 'boot the kernel in QEMU and prove the livepatch'],
      ...proofOptions(),
    ],
    example: 'klp-docker generate examples/proc-meminfo/proc-meminfo.patch --kernel 6.12.107 --arch x86_64',
    repeatable: true,
    run: async ([patches], options, session) => generate(patches as string[], options, session),
  });
}

/** The options of ProofOptions, `--selftests` apart. */
export function proofOptions(): OptionSpec[] {
  return [
    [
      '--test <script>',
      'shell script, run in the guest with `before`, `during` or `after`; must exit with 0',
    ],
    ...verifyLimits(),
  ];
}

/** How a verification goes about it: the order of loading, and when it gives up. */
export function verifyLimits(): Option[] {
  return [
    new Option(
      '--module-load <order>',
      'load patched modules before the livepatch, after it, or test both orders',
    )
      .choices(['before', 'after', 'both'])
      .default('both'),
    new Option('--timeout <seconds>', 'longest time for the boot, for one livepatch and for one selftest')
      .argParser((text) => secondsFor('--timeout', text))
      .default(300),
  ];
}

/** @throws KlpError `usage` */
export function secondsFor(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 10 || value > 86_400) {
    throw new KlpError(
      'usage',
      `${option} is a number of seconds from 10 to 86400, not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

async function generate(paths: string[], options: GenerateOptions, session: Session): Promise<Outcome> {
  if (options.verify !== true && options.test !== undefined) {
    throw new KlpError('usage', '--test says how to verify, but --verify was not given', {
      advice: 'Add --verify.',
    });
  }
  // Everything that can be wrong with the user's files is found before an image is built.
  const patches: string[] = [];
  for (const path of paths) patches.push(await checkInput(path, 'patch'));
  const texts = await Promise.all(patches.map((path) => readFile(path, 'utf8')));
  if (texts.every((text) => text.trim() === ''))
    throw new KlpError('nothing-to-patch', `there is nothing in ${paths.join(', ')}`);
  const callbacks =
    options.callbacks === undefined ? undefined : await checkInput(options.callbacks, 'callbacks');
  const script = options.test === undefined ? undefined : await checkInput(options.test, 'script');
  if (options.name !== undefined && !/^[\w-]{1,40}$/.test(options.name)) {
    throw new KlpError('usage', '--name takes up to 40 letters, digits, - and _');
  }
  if (options.debugDir !== undefined) await withOutputDir(options.debugDir, async () => undefined);
  const job = {
    patches,
    noReplace: !options.replace,
    ...(callbacks === undefined ? {} : { callbacks }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.debugDir === undefined ? {} : { debugDir: resolve(options.debugDir) }),
  };
  const context = controllerContext({ ...session, findings: session.known.findings }, session.io.env);
  const { kernel, kernelTree } = options;
  if (kernelTree !== undefined) {
    const tree = await inspectTree(kernelTree, options.arch);
    await withOutputDir(options.output, (outDir) =>
      withTempDir('klp-docker-boot', async (dir) => {
        const bootDir = options.verify === true ? dir : undefined;
        const { result, boot } = await generateFromTree(tree, { ...job, outDir }, bootDir, context);
        adopt(session, result);
        if (boot !== undefined) await prove(boot, script, options, session, context);
      }),
    );
  } else if (kernel !== undefined) {
    const request = imageRequest({ ...options, kernel });
    await withOutputDir(options.output, async (outDir) => {
      const boot = await generateWithImage(
        request,
        { ...job, outDir },
        options.verify === true,
        session,
        context,
      );
      if (boot !== undefined) await prove(boot, script, options, session, context);
    });
  } else {
    throw noKernel();
  }
  return { result: session.known };
}

/** Generates in an image; returns what is needed to boot its kernel when the livepatch is to be proved. */
async function generateWithImage(
  request: ImageRequest,
  job: GenerateJob,
  verify: boolean,
  session: Session,
  context: ControllerContext,
): Promise<BootAssets | undefined> {
  const { known } = session;
  return withEngine(context, async (docker) => {
    const image = await ensureImage(docker, request, context);
    Object.assign(known, imageFacts(image));
    adopt(session, await generateInImage(docker, image, job, context));
    // The engine is not needed while the guest runs, and may be stopped then.
    return known.status === 'livepatch' && verify ? exportBootAssets(docker, image, context) : undefined;
  });
}

async function prove(
  assets: BootAssets,
  script: string | undefined,
  options: GenerateOptions,
  session: Session,
  context: ControllerContext,
): Promise<void> {
  const { known } = session;
  const livepatch = known.artifacts.find((artifact) => artifact.path.endsWith('.ko'))?.path;
  if (livepatch === undefined) throw new KlpError('internal', 'the engine made no module');
  const stem = livepatch.replace(/\.ko$/, '');
  await proveLivepatch(
    {
      assets,
      livepatch,
      objects: patchedModules(known.functions),
      moduleLoad: options.moduleLoad,
      selftests: false,
      timeout: options.timeout,
      logFile: `${stem}.boot.log`,
      ...(script === undefined ? {} : { script }),
    },
    session,
    context.cacheDir,
  );
  // The engine's document lies there already; this one knows how the boot went.
  await writeFileAtomic(`${stem}.json`, renderJson(known));
}

/** Takes over what the engine said: its findings come after those of the image, its stages beside them. */
function adopt(session: Session, made: ResultDocument): void {
  const { known } = session;
  const { findings, timings, ...rest } = made;
  Object.assign(known, rest);
  known.findings.push(...findings);
  for (const [name, ms] of Object.entries(timings)) {
    // Making the image has stages of the same names.
    const stage = name === 'total' ? 'generate' : name;
    known.timings[stage in known.timings ? `${stage} (in the image)` : stage] = ms;
  }
}

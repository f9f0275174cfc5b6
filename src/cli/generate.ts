import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { exportBootAssets } from '../controller/boot.js';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { generateInImage } from '../controller/generate.js';
import { ensureImage } from '../controller/images.js';
import { renderJson } from '../report/json.js';
import { KlpError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import type { ResultDocument } from '../shared/result.js';
import type { ModuleLoad } from '../verify/types.js';
import { imageFacts } from './build.js';
import { checkInput, withOutputDir } from './inputs.js';
import { imageRequest, kernelOptions, type KernelOptions } from './kernel-options.js';
import { proveLivepatch } from './prove.js';
import type { CommonOptions, Outcome, Session } from './session.js';
import { addVerb, type Cli, type OptionSpec } from './verb.js';

/** The options that say how a livepatch is verified; `generate` and `verify` share them. */
export interface ProofOptions {
  test?: string;
  selftests?: boolean;
  moduleLoad: ModuleLoad | 'both';
  timeout: number;
}

interface GenerateOptions extends KernelOptions, ProofOptions, CommonOptions {
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
      ...kernelOptions(),
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
    new Option(
      '--module-load <order>',
      'load patched modules before the livepatch, after it, or test both orders',
    )
      .choices(['before', 'after', 'both'])
      .default('both'),
    new Option('--timeout <seconds>', 'longest time for the boot, for one livepatch and for one selftest')
      .argParser(seconds)
      .default(300),
  ];
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 10 || value > 86_400) {
    throw new KlpError(
      'usage',
      `--timeout is a number of seconds from 10 to 86400, not ${JSON.stringify(text)}`,
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
  const callbacks =
    options.callbacks === undefined ? undefined : await checkInput(options.callbacks, 'callbacks');
  const script = options.test === undefined ? undefined : await checkInput(options.test, 'script');
  if (options.name !== undefined && !/^[\w-]{1,40}$/.test(options.name)) {
    throw new KlpError('usage', '--name takes up to 40 letters, digits, - and _');
  }
  const request = imageRequest(options);
  const { known } = session;
  const context = controllerContext({ ...session, findings: known.findings }, session.io.env);
  await withOutputDir(options.output, async (outDir) => {
    const boot = await withEngine(context, async (docker) => {
      const image = await ensureImage(docker, request, context);
      Object.assign(known, imageFacts(image));
      const made = await generateInImage(
        docker,
        image,
        {
          patches,
          outDir,
          noReplace: !options.replace,
          ...(callbacks === undefined ? {} : { callbacks }),
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(options.debugDir === undefined ? {} : { debugDir: resolve(options.debugDir) }),
        },
        context,
      );
      adopt(session, made);
      // The engine is not needed while the guest runs, and may be stopped then.
      return known.status === 'livepatch' && options.verify === true
        ? exportBootAssets(docker, image, context)
        : undefined;
    });
    if (boot === undefined) return;
    const module = known.artifacts.find((artifact) => artifact.path.endsWith('.ko'))?.path;
    if (module === undefined) throw new KlpError('internal', 'the engine made no module');
    const stem = module.replace(/\.ko$/, '');
    await proveLivepatch(
      {
        assets: boot,
        livepatch: module,
        objects: [...new Set(known.functions.map((f) => f.object))].filter((object) => object !== 'vmlinux'),
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
  });
  return { result: known };
}

/** Takes over what the engine said: its findings come after those of the image, its stages beside them. */
function adopt(session: Session, made: ResultDocument): void {
  const { known } = session;
  const { findings, timings, ...rest } = made;
  Object.assign(known, rest);
  known.findings.push(...findings);
  for (const [name, ms] of Object.entries(timings)) known.timings[name === 'total' ? 'engine' : name] = ms;
}

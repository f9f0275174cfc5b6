import { Option, type Command } from 'commander';
import { join } from 'node:path';
import { exportBootAssets } from '../controller/boot.js';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { ensureImage } from '../controller/images.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir } from '../shared/files.js';
import { readSubject, type Subject } from '../verify/package.js';
import { requireQemu } from '../verify/qemu.js';
import { imageFacts } from './build.js';
import { proofOptions, type ProofOptions } from './generate.js';
import { checkInput, checkOutputDir } from './inputs.js';
import { imageRequest, kernelOptions, type KernelOptions } from './kernel-options.js';
import { proveLivepatch } from './prove.js';
import type { CommonOptions, Outcome, Session } from './session.js';
import { addVerb, type Cli } from './verb.js';

interface VerifyOptions extends KernelOptions, ProofOptions, CommonOptions {
  output: string;
}

/** `verify`: boots the kernel in QEMU and proves a livepatch, or runs the kernel's own selftests. */
export function registerVerify(program: Command, cli: Cli): void {
  addVerb<VerifyOptions>(program, cli, {
    name: 'verify',
    usage: '[livepatch]',
    summary: 'boot a kernel in QEMU and prove a livepatch (a package or a .ko)',
    options: [
      ...kernelOptions(),
      ...proofOptions(),
      ['--selftests', "run the kernel's own livepatch selftests, with or without a livepatch"],
      new Option('-o, --output <dir>', "where the guest's console is written").default('out'),
    ],
    example: 'klp-docker verify out/livepatch-proc-meminfo.tgz --kernel 6.12.107 --arch x86_64',
    repeatable: true,
    run: async ([livepatch], options, session) =>
      verifyVerb(livepatch as string | undefined, options, session),
  });
}

async function verifyVerb(
  path: string | undefined,
  options: VerifyOptions,
  session: Session,
): Promise<Outcome> {
  if (path === undefined && options.selftests !== true) {
    throw new KlpError('usage', 'there is nothing to verify: name a livepatch, or give --selftests');
  }
  // Everything that can be wrong with the user's files or machine is found before an image is built.
  const input = path === undefined ? undefined : await checkInput(path, 'package');
  const script = options.test === undefined ? undefined : await checkInput(options.test, 'script');
  requireQemu(options.arch);
  await withTempDir('klp-verify', async (dir) => {
    const subject = input === undefined ? undefined : await readSubject(input, dir);
    const outDir = await checkOutputDir(options.output);
    await prove(subject, script, outDir, options, session);
  });
  return { result: session.known };
}

async function prove(
  subject: Subject | undefined,
  script: string | undefined,
  outDir: string,
  options: VerifyOptions,
  session: Session,
): Promise<void> {
  const { known } = session;
  const context = controllerContext({ ...session, findings: known.findings }, session.io.env);
  const assets = await withEngine(context, async (docker) => {
    const image = await ensureImage(docker, imageRequest(options), context);
    Object.assign(known, imageFacts(image));
    return exportBootAssets(docker, image, context);
  });
  await proveLivepatch(
    {
      assets,
      ...(subject === undefined ? {} : { livepatch: subject.livepatch }),
      objects: subject?.objects ?? [],
      ...(script === undefined ? {} : { script }),
      moduleLoad: options.moduleLoad,
      selftests: options.selftests === true,
      timeout: options.timeout,
      logFile: join(outDir, 'boot.log'),
    },
    session,
    context.cacheDir,
  );
}

import { Argument, Option, type Command } from 'commander';
import { basename, dirname, join } from 'node:path';
import { exportBootAssets } from '../controller/boot.js';
import { controllerContext, type ControllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { ensureImage } from '../controller/images.js';
import { checkBootable, inspectTree } from '../controller/tree.js';
import { elfIdentity } from '../engine/kernel/elf-notes.js';
import { archData } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { makeDir, withTempDir } from '../shared/files.js';
import { checkMadeFor, type KnownKernel } from '../verify/made-for.js';
import { readSubject } from '../verify/package.js';
import type { BootAssets } from '../verify/types.js';
import { imageFacts } from './build.js';
import { proofOptions, type ProofOptions } from './generate.js';
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
import { treeBootFiles } from './tree.js';
import { addVerb, type Cli } from './verb.js';

interface VerifyOptions extends Omit<KernelOptions, 'kernel'>, ProofOptions, CommonOptions {
  kernel?: string;
  kernelTree?: string;
  output?: string;
}

/** `verify`: proves a livepatch, or the kernel's livepatching itself, in QEMU. */
export function registerVerify(program: Command, cli: Cli): void {
  addVerb<VerifyOptions>(program, cli, {
    name: 'verify',
    usage: '',
    arguments: [
      new Argument('[package]', 'package (.tgz) or module (.ko); may be left out with --selftests'),
    ],
    summary: 'boot the kernel in QEMU and prove a livepatch: load, test, disable, unload',
    options: [
      ...kernelOptions({ mandatory: false }),
      kernelTreeOption(),
      ...proofOptions(),
      ['--selftests', "run the kernel's own livepatch selftests too"],
      new Option('-o, --output <dir>', 'where boot.log goes; beside the package unless given'),
    ],
    example: 'klp-docker verify out/livepatch-proc-meminfo.tgz --kernel 6.12.107 --arch x86_64',
    repeatable: true,
    run: async ([path], options, session) => verifyVerb(path as string | undefined, options, session),
  });
}

async function verifyVerb(
  path: string | undefined,
  options: VerifyOptions,
  session: Session,
): Promise<Outcome> {
  if (path === undefined && options.selftests !== true) {
    throw new KlpError('usage', 'There is nothing to verify', {
      advice: 'Name a package or a module, or give --selftests.',
    });
  }
  if (path === undefined && options.test !== undefined) {
    throw new KlpError('usage', '--test needs a livepatch to test', {
      advice: 'Name a package or a module.',
    });
  }
  const subject = path === undefined ? undefined : await checkInput(path, 'package');
  const script = options.test === undefined ? undefined : await checkInput(options.test, 'script');
  const bootFiles = await bootFilesFrom(options, session);
  const { known } = session;
  const context = controllerContext({ ...session, findings: known.findings }, session.io.env);
  await withTempDir('klp-docker-verify', async (dir) => {
    // Before an image is looked for: a file that is no livepatch is said at once.
    const livepatch = subject === undefined ? undefined : await readSubject(subject, dir);
    const folder = options.output ?? (subject === undefined ? 'out' : dirname(subject));
    await withOutputDir(folder, async (outDir) => {
      const fits = (kernel: KnownKernel): void => {
        if (livepatch !== undefined) checkMadeFor(livepatch, basename(subject ?? ''), kernel);
      };
      const assets = await bootFiles(join(dir, 'boot'), fits, context);
      const stem = subject === undefined ? 'selftests' : basename(subject).replace(/\.\w+$/, '');
      await proveLivepatch(
        {
          assets,
          objects: livepatch?.objects ?? [],
          moduleLoad: options.moduleLoad,
          selftests: options.selftests === true,
          timeout: options.timeout,
          logFile: join(outDir, `${stem}.boot.log`),
          ...(livepatch === undefined ? {} : { livepatch: livepatch.livepatch }),
          ...(script === undefined ? {} : { script }),
        },
        session,
        context.cacheDir,
      );
    });
  });
  return { result: known };
}

/** @param fits throws when the livepatch is for another kernel; asked whenever more of it is known */
type BootFiles = (
  dir: string,
  fits: (kernel: KnownKernel) => void,
  context: ControllerContext,
) => Promise<BootAssets>;

/** Where the kernel to boot comes from; what is wrong with that is said before any work. */
async function bootFilesFrom(options: VerifyOptions, { known }: Session): Promise<BootFiles> {
  const { kernel, kernelTree } = options;
  if (kernelTree !== undefined) {
    const tree = await inspectTree(kernelTree, options.arch);
    await checkBootable(tree);
    return async (dir, fits, context) => {
      const identity = await elfIdentity(join(tree.dir, 'vmlinux'));
      fits({ arch: tree.arch.name, buildId: identity?.buildId });
      known.kernel = { release: tree.release, arch: tree.arch.name };
      known.toolchain = { compiler: tree.compilerText };
      await makeDir(dir);
      return treeBootFiles(tree, dir, context);
    };
  }
  if (kernel === undefined) throw noKernel();
  const request = imageRequest({ ...options, kernel });
  return async (_dir, fits, context) => {
    const arch = archData(request.arch).name;
    fits({ arch });
    return withEngine(context, async (docker) => {
      const image = await ensureImage(docker, request, context);
      fits({ arch, configSha256: image.configSha256 });
      Object.assign(known, imageFacts(image));
      return exportBootAssets(docker, image, context);
    });
  };
}

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { plainView, systemClock } from '../../src/report/progress.js';
import { plainStyle } from '../../src/report/style.js';

/** A kernel that tests use. */
export interface TestedKernel {
  kernel: string;
  arch: string;
  llvm?: number;
  /** A .config, of this folder; the small configuration when left out. */
  config?: string;
}

const known = JSON.parse(readFileSync('scripts/pinned.json', 'utf8')) as Record<
  'tests' | 'matrix',
  TestedKernel[]
>;

/** `6.12.107 arm64`, the LLVM version where it is not the default, and the configuration: how a suite is named. */
export function nameOf({ kernel, arch, llvm, config }: TestedKernel): string {
  const named = config === undefined ? [] : [basename(config).replace(/-.*/, '')];
  return [kernel, arch, ...(llvm === undefined ? [] : [`llvm${llvm}`]), ...named].join(' ');
}

/** The options of a command line that name a kernel. */
export function optionsFor({ kernel, arch, llvm, config }: TestedKernel): string[] {
  const more = llvm === undefined ? [] : ['--llvm', String(llvm)];
  return [
    ...['--kernel', kernel, '--arch', arch, ...more],
    ...(config === undefined ? [] : ['--config', config]),
  ];
}

/**
 * The kernels of this run: those of every run; or what KLP_TEST_KERNELS asks for, `all` for the whole matrix, or names
 * with commas between them (`7.2.6 arm64,6.1.170 x86_64`).
 */
export const pinnedKernels = asked(process.env.KLP_TEST_KERNELS);

/** The one that tests use to which the kernel makes no difference: the one of the quickstart. */
export const [pinned] = known.tests as [TestedKernel];

function asked(text: string | undefined): TestedKernel[] {
  const all = [...known.tests, ...known.matrix];
  if (text === undefined || text === '') return known.tests;
  if (text === 'all') return all;
  return text.split(',').map((name) => {
    const found = all.find((one) => nameOf(one) === name.trim());
    if (found) return found;
    throw new Error(`KLP_TEST_KERNELS: ${name} is none of ${all.map(nameOf).join(', ')}`);
  });
}

/** Several projects of one run share the engine; the last one to end lets go of it. */
interface Shared {
  users: number;
  ready: Promise<void>;
  release: () => void;
  ended: Promise<void>;
}

const holder = globalThis as typeof globalThis & { klpTestEngine?: Shared };

/** Starts an engine if none runs, and makes the images of the tested kernels that are not there. */
export async function setup(): Promise<() => Promise<void>> {
  const shared = (holder.klpTestEngine ??= start());
  shared.users++;
  await shared.ready;
  return async () => {
    shared.users--;
    if (shared.users > 0) return;
    delete holder.klpTestEngine;
    shared.release();
    await shared.ended;
  };
}

function start(): Shared {
  execFileSync(process.execPath, ['scripts/compile.mjs', '--no-check'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const write = (text: string): void => void process.stderr.write(text);
  const view = plainView({ write, style: plainStyle, verbose: false, clock: systemClock });
  const context = controllerContext({ progress: view.show, timings: {} });
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let tellReady = (): void => undefined;
  const announced = new Promise<void>((resolve) => (tellReady = resolve));
  const ended = withEngine(context, async (docker) => {
    for (const one of new Set([pinned, ...pinnedKernels])) await ensureImage(docker, one, context);
    view.end();
    tellReady();
    await released;
  });
  // A failure before all was ready is the setup's own; the promise that ends it is awaited in any case.
  return { users: 0, ready: Promise.race([announced, ended]), release, ended };
}

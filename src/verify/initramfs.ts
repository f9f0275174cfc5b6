import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { projectRoot } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { cpioArchive, type CpioEntry } from './cpio.js';
import { loadOrder, moduleIndexes, treeSize, type ModuleTree } from './modules.js';
import type { BootAssets, ModuleLoad, VerifyCase } from './types.js';

type CpioFile = Extract<CpioEntry, { type: 'file' }>;

/** A case as the guest gets it. */
export interface PlannedCase {
  case: VerifyCase;
  /** The livepatch's module name. */
  module: string;
  /** GNU build id of the kernel that it was made for, hex. */
  buildId?: string;
  /** `once` when no module is patched. */
  passes: (ModuleLoad | 'once')[];
}

/** What one boot is to do. */
export interface BootPlan {
  /** Marks the lines of the protocol in this boot. */
  token: string;
  cases: readonly PlannedCase[];
  /** Selftest scripts to run, by file name. */
  selftests: readonly string[];
  /** How long one run of a test script, a transition, or a selftest script may take, in seconds. */
  limits: { script: number; transition: number; selftest: number };
}

/** Up to this many bytes all modules go in, so that a test script can use any of them. */
const wholeTreeBytes = 64 * 1024 * 1024;

/**
 * Programs and modules for the guest. `objects` are the modules that have to be there; all others come along
 * when the tree is small.
 */
async function commonEntries(
  assets: BootAssets,
  tree: ModuleTree,
  objects: readonly string[],
): Promise<CpioEntry[]> {
  const small = (await treeSize(tree)) <= wholeTreeBytes;
  const paths = small ? [...tree.paths.values()] : loadOrder(tree, objects).order;
  const inGuest = `lib/modules/${assets.release}`;
  const guest = join(projectRoot(), 'images', 'guest');
  const scripts = ['protocol.sh', 'case.sh', 'selftests.sh'];
  const indexes = await moduleIndexes(tree);
  const entries = await Promise.all([
    file('init', join(guest, 'init'), 0o755),
    ...scripts.map((name) => file(`klp/${name}`, join(guest, name))),
    file('bin/busybox', assets.busybox, 0o755),
    ...paths.map((path) => file(`${inGuest}/${path}`, join(tree.dir, path))),
    ...indexes.map((name) => file(`${inGuest}/${name}`, join(tree.dir, name))),
  ]);
  // The console has to be there before init can mount anything.
  return [...entries, { type: 'char', path: 'dev/console', major: 5, minor: 1 }];
}

/**
 * The initramfs of one boot, gzipped.
 * @throws KlpError `boot-assets-incomplete` when something the plan needs is not there
 */
export async function buildInitramfs(assets: BootAssets, tree: ModuleTree, plan: BootPlan): Promise<Buffer> {
  const { script, transition, selftest } = plan.limits;
  const objects = [...new Set(plan.cases.flatMap((planned) => planned.case.objects))];
  const entries: CpioEntry[] = [
    ...(await commonEntries(assets, tree, objects)),
    text('klp/token', `${plan.token}\n`),
    text(
      'klp/limits',
      `SCRIPT_LIMIT=${script}\nTRANSITION_LIMIT=${transition}\nSELFTEST_LIMIT=${selftest}\n`,
    ),
    ...(await Promise.all(plan.cases.map((planned, index) => caseEntries(tree, planned, index)))).flat(),
    ...(plan.selftests.length === 0 ? [] : await selftestEntries(assets, plan.selftests)),
  ];
  // Speed matters more than size: the archive lives for seconds.
  return promisify(gzip)(cpioArchive(entries), { level: 1 });
}

async function caseEntries(tree: ModuleTree, planned: PlannedCase, index: number): Promise<CpioEntry[]> {
  // Numbered, so that the guest runs them in their order and a name need not be a file name.
  const dir = `klp/cases/${String(index).padStart(4, '0')}`;
  const { livepatch, objects, testScript } = planned.case;
  return [
    await file(`${dir}/livepatch.ko`, livepatch),
    text(`${dir}/name`, `${planned.module}\n`),
    text(`${dir}/objects`, lines(objects)),
    text(`${dir}/load`, lines(loadOrder(tree, objects).order)),
    text(`${dir}/passes`, lines(planned.passes)),
    ...(testScript === undefined ? [] : [await script(`${dir}/test`, testScript)]),
  ];
}

/** The selftest scripts of boot assets, in the order of their names. */
export async function selftestScripts(assets: BootAssets): Promise<string[]> {
  const names = assets.selftests === undefined ? [] : await readdir(assets.selftests).catch(() => []);
  return names.filter((name) => /^test-.*\.sh$/.test(name)).sort();
}

async function selftestEntries(assets: BootAssets, scripts: readonly string[]): Promise<CpioEntry[]> {
  const { selftests, bash } = assets;
  if (selftests === undefined || bash === undefined) {
    throw new KlpError(
      'boot-assets-incomplete',
      'the boot files of this kernel hold no selftests or no bash',
      {
        file: assets.dir,
      },
    );
  }
  const all = await readdir(selftests, { withFileTypes: true });
  const files = all.filter((entry) => entry.isFile()).map((entry) => entry.name);
  const modules = (await readdir(join(selftests, 'modules'))).filter((name) => name.endsWith('.ko'));
  const tools = join(projectRoot(), 'images', 'guest', 'tools');
  const toolNames = await readdir(tools);
  return Promise.all([
    file('bin/bash', bash, 0o755),
    ...toolNames.map((name) => file(`bin/${name}`, join(tools, name), 0o755)),
    ...files.map((name) => file(`klp/selftests/${name}`, join(selftests, name), 0o755)),
    ...modules.map((name) => file(`klp/selftests/test_modules/${name}`, join(selftests, 'modules', name))),
    Promise.resolve(text('klp/selftests/plan', lines(scripts))),
  ]);
}

async function file(path: string, from: string, mode = 0o644): Promise<CpioFile> {
  const data = await readFile(from).catch((cause: unknown) => {
    throw new KlpError('boot-assets-incomplete', `a file for the test boot cannot be read: ${from}`, {
      file: from,
      cause,
    });
  });
  return { type: 'file', path, mode, data };
}

/** A test script; one that was converted to CRLF as a whole is converted back, which `sh` would not read. */
async function script(path: string, from: string): Promise<CpioFile> {
  const entry = await file(path, from);
  const content = Buffer.from(entry.data).toString('latin1');
  return /(^|[^\r])\n/.test(content)
    ? entry
    : { ...entry, data: Buffer.from(content.replaceAll('\r\n', '\n'), 'latin1') };
}

function text(path: string, content: string): CpioEntry {
  return { type: 'file', path, data: Buffer.from(content) };
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}

import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { archData, archOfMachine } from '../../shared/catalog.js';
import { KlpError } from '../../shared/errors.js';
import { checkKernelConfig, differingOptions, parseConfig } from '../../shared/kernel-config.js';
import { isFile, sampleRecord, sourceTree } from '../../shared/kernel-tree.js';
import type { KernelTree } from '../types.js';
import { checkBuildTools } from './build-tools.js';
import { parseCmdFile, recordedCompilation } from './cmd.js';
import { checkCompiler } from './compiler.js';
import { elfIdentity } from './elf-notes.js';

/** What every finished build leaves behind; the .cmd file is that of a source every kernel has. */
const evidence = {
  config: '.config',
  autoConf: 'include/config/auto.conf',
  release: 'include/config/kernel.release',
  vmlinux: 'vmlinux',
  symvers: 'Module.symvers',
  cmd: sampleRecord,
} as const;

/**
 * Opens a configured and built kernel tree (the build folder when it was built with `O=`), and refuses one that a
 * livepatch cannot be made for.
 * @param dir the build folder
 * @param arch name of the architecture that the kernel has to be of; any when left out
 * @throws KlpError `kernel-not-built`, `kernel-tree-moved`, `kernel-built-by-gcc`, `kernel-without-livepatch`, `kernel-lto`,
 *   `kernel-arch-mismatch`, `kernel-config-changed`, `compiler-missing`, `compiler-mismatch`,
 *   `build-tool-unusable`, `cmd-file-unusable`, `unknown-arch`
 */
export async function openKernel(dir: string, arch?: string): Promise<KernelTree> {
  const wanted = arch === undefined ? undefined : archData(arch);
  const root = await builtTree(dir);
  const configText = await readFile(join(root, evidence.config), 'utf8');
  const config = parseConfig(configText);
  checkKernelConfig(root, config);
  const autoConf = parseConfig(await readFile(join(root, evidence.autoConf), 'utf8'));
  checkUnchanged(root, config, autoConf);
  const identity = await elfIdentity(join(root, evidence.vmlinux));
  if (!identity) throw notBuilt(root, 'vmlinux is not a 64-bit little-endian ELF file');
  if (wanted !== undefined && identity.machine !== wanted.elfMachine) {
    throw new KlpError(
      'kernel-arch-mismatch',
      `${join(root, 'vmlinux')} is for ELF machine ${identity.machine}, not ${wanted.elfMachine} (${wanted.name})`,
    );
  }
  const { name } = archOfMachine(identity.machine);
  await checkNotReconfigured(root, config);
  const source = await sourceTree(root);
  const compilerText = config.get('CONFIG_CC_VERSION_TEXT') ?? '';
  const cmdPath = join(root, evidence.cmd);
  const { compile } = recordedCompilation(parseCmdFile(cmdPath, await readFile(cmdPath, 'utf8')));
  await checkCompiler(compile, root, compilerText);
  await checkBuildTools(root);
  return {
    dir: root,
    source,
    arch: name,
    release: (await readFile(join(root, evidence.release), 'utf8')).trim(),
    config,
    compilerText,
    series: await seriesOf(source),
    configSha256: createHash('sha256').update(configText).digest('hex'),
    ...(identity.buildId ? { buildId: identity.buildId } : {}),
  };
}

/** What images/build/series.sh left in a source tree that it patched: names of patch sets, one on a line. */
async function seriesOf(source: string): Promise<string[]> {
  const text = await readFile(join(source, '.klp-series'), 'utf8').catch(() => '');
  return text.split('\n').filter((name) => name !== '');
}

async function builtTree(dir: string): Promise<string> {
  const root = await realpath(dir).catch((error: unknown) => {
    throw new KlpError('kernel-not-built', `there is no folder ${dir}`, { cause: error });
  });
  const missing: string[] = [];
  for (const path of Object.values(evidence)) if (!(await isFile(join(root, path)))) missing.push(path);
  if (missing.length > 0) throw notBuilt(root, `there is no ${missing.join(', no ')}`);
  return root;
}

/** auto.conf is what the objects were compiled with; .config is what a person may have edited since. */
function checkUnchanged(
  root: string,
  config: ReadonlyMap<string, string>,
  autoConf: ReadonlyMap<string, string>,
): void {
  const different = differingOptions(config, autoConf);
  if (different.length === 0) return;
  const named = different.map(
    (name) =>
      `${name} (${autoConf.get(name) ?? 'not set'} in the build, ${config.get(name) ?? 'not set'} now)`,
  );
  throw new KlpError(
    'kernel-config-changed',
    `.config of ${root} is not what its objects were compiled with: ${firstFew(named)}`,
    { file: join(root, evidence.config) },
  );
}

/**
 * A make that took over a changed .config touches one file for each option whose value changed; when that was
 * after vmlinux was linked, the objects are still those of the old values.
 */
async function checkNotReconfigured(root: string, config: ReadonlyMap<string, string>): Promise<void> {
  const time = async (path: string): Promise<number> => (await stat(join(root, path))).mtimeMs;
  const linked = await time(evidence.vmlinux);
  // Written by the same make, and last: where it is older, nothing has changed.
  if ((await time(evidence.autoConf)) <= linked) return;
  const names = (await readdir(join(root, 'include/config'))).filter((name) => /^[A-Z0-9_]+$/.test(name));
  const touched: string[] = [];
  for (const name of names) if ((await time(`include/config/${name}`)) > linked) touched.push(name);
  if (touched.length === 0) return;
  const named = touched
    .sort()
    .map((name) => `CONFIG_${name} (${config.get(`CONFIG_${name}`) ?? 'not set'} now)`);
  throw new KlpError(
    'kernel-config-changed',
    `the configuration of ${root} changed after vmlinux was linked: ${firstFew(named)}`,
    {
      file: join(root, evidence.config),
      advice:
        'Run `make` in the kernel tree to its end. If the tree is a copy, copy it again with the times of its files (cp -a).',
    },
  );
}

function firstFew(names: readonly string[]): string {
  const more = names.length > 3 ? `, and ${names.length - 3} more` : '';
  return `${names.slice(0, 3).join(', ')}${more}`;
}

function notBuilt(root: string, why: string): KlpError {
  return new KlpError('kernel-not-built', `${root} is not a built kernel tree: ${why}`);
}

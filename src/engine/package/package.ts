import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { create } from 'tar';
import { withTempDir } from '../../shared/files.js';
import type { ResultDocument } from '../../shared/result.js';
import { SHT } from '../elf/constants.js';
import { readElf } from '../elf/read.js';
import type { ElfFile } from '../elf/model.js';
import { gnuBuildId } from '../kernel/elf-notes.js';
import { modinfo, moduleBuilds } from '../klp/check.js';
import { livepatchScript } from './script.js';

export interface PackageInput {
  /** Path of the finished module. */
  ko: string;
  /** Name of the livepatch, without `livepatch-`. */
  name: string;
  /** What is known of it; functions and symbols go into the manifest. */
  result: ResultDocument;
  /** The source patches, in their order. */
  patches: readonly { name: string; text: string }[];
  /** Where `livepatch-NAME.tgz` goes. */
  outDir: string;
}

/** Version of the manifest. */
export const manifestVersion = 1;

/**
 * Packs a livepatch: the module, `livepatch-NAME.json` (the manifest), the source patches, and a script that applies, checks and reverts it.
 * The same input gives the same bytes.
 * @returns the archive's path
 */
export async function createPackage({ ko, name, result, patches, outDir }: PackageInput): Promise<string> {
  const folder = `livepatch-${name}`;
  const file = `${folder}.ko`;
  const bytes = await readFile(ko);
  const elf = readElf(bytes, file);
  const info = modinfo(elf);
  const module = info.get('name')?.[0] ?? folder.replaceAll('-', '_');
  const release = info.get('vermagic')?.[0]?.split(' ')[0] ?? '';
  const kernelBuildId = info.get('klp_build_id')?.[0] ?? '';
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const buildId = buildIdOf(elf);
  const modules = moduleBuilds(info);
  const patchFiles = patches.map((patch, i) => ({
    path: `patches/${patchName(patch.name, i)}`,
    text: patch.text,
  }));
  const manifest = {
    schema: manifestVersion,
    name,
    file,
    module,
    release,
    sha256,
    buildId,
    ...(result.kernel === undefined ? {} : { kernel: result.kernel }),
    ...(result.toolchain === undefined ? {} : { toolchain: result.toolchain }),
    functions: result.functions,
    symbols: result.symbols,
    patches: patchFiles.map((p) => p.path),
  };
  const files: { path: string; data: string | Uint8Array; mode: number }[] = [
    {
      path: 'livepatch',
      data: livepatchScript({ file, module, release, kernelBuildId, modules, sha256, buildId }),
      mode: 0o755,
    },
    { path: file, data: bytes, mode: 0o644 },
    { path: `${folder}.json`, data: `${JSON.stringify(manifest, null, 2)}\n`, mode: 0o644 },
    ...patchFiles.map(({ path, text }) => ({ path, data: text, mode: 0o644 })),
  ];
  const archive = join(outDir, `${folder}.tgz`);
  await withTempDir('klp-package', async (dir) => {
    await mkdir(join(dir, folder, 'patches'), { recursive: true });
    for (const { path, data, mode } of files) await writeFile(join(dir, folder, path), data, { mode });
    await pack(
      dir,
      files.map(({ path }) => `${folder}/${path}`),
      archive,
    );
  });
  return archive;
}

/** A tar of the files in their order, without owner, and with the epoch as the time of each. */
async function pack(dir: string, paths: string[], archive: string): Promise<void> {
  const half = `${archive}.${process.pid}.tmp`;
  try {
    await create(
      { cwd: dir, file: half, gzip: { level: 9 }, portable: true, noPax: true, mtime: new Date(0) },
      paths,
    );
    await rename(half, archive);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
}

/** A file name for a patch: numbered, so that the order shows and equal names do not meet. */
function patchName(name: string, index: number): string {
  const base = basename(name)
    .replaceAll(/[^\w.+-]/g, '_')
    .replace(/^\.+/, '');
  return `${String(index + 1).padStart(4, '0')}-${base === '' ? 'patch' : base}`;
}

/** The GNU build id of a module, hex; empty when the linker made none. */
function buildIdOf(elf: ElfFile): string {
  const note = elf.sections.find((s) => s.type === SHT.NOTE && s.name === '.note.gnu.build-id');
  return (note && gnuBuildId(Buffer.from(note.data))) ?? '';
}

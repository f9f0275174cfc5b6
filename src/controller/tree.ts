import { access, constants, open, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { archData, archOfMachine, guestOptions, type ArchData } from '../shared/catalog.js';
import { toolchainOf, type Toolchain } from '../shared/compilers.js';
import { KlpError } from '../shared/errors.js';
import { checkKernelConfig, parseConfig } from '../shared/kernel-config.js';
import { isFile, sourceTree } from '../shared/kernel-tree.js';

/** A kernel tree of the user's, as far as it must be known before anything is started for it. */
export interface UserTree {
  /** The build folder, links followed. */
  dir: string;
  arch: ArchData;
  /** `uname -r`. */
  release: string;
  /** What its compiler said of itself. */
  compilerText: string;
  /** Where that compiler comes from; absent when it is none of Debian's. */
  toolchain?: Toolchain;
  config: ReadonlyMap<string, string>;
  /** Folders that the build's records name, and where they lie now. */
  folders: { source: string; target: string }[];
  /** `UID:GID` of whom it belongs to. */
  owner: string;
}

/**
 * Looks at a kernel tree that the user has built: its architecture and its compiler are read from the kernel itself.
 * @param dir the build folder (with `O=` the one that holds .config and objects)
 * @param arch what the user says it is for, if anything
 * @throws KlpError `kernel-not-built`, `kernel-tree-moved`, `kernel-built-by-gcc`, `kernel-without-livepatch`,
 *   `kernel-lto`, `kernel-arch-mismatch`, `unknown-arch`, `input-unreadable`
 */
export async function inspectTree(dir: string, arch: string | undefined): Promise<UserTree> {
  const root = await realpath(dir).catch((cause: unknown) => {
    throw new KlpError('kernel-not-built', `there is no folder ${dir}`, { cause });
  });
  const vmlinux = join(root, 'vmlinux');
  const needed = ['.config', 'vmlinux', 'include/config/kernel.release'];
  const there = await Promise.all(needed.map((path) => isFile(join(root, path))));
  const missing = needed.filter((_, i) => there[i] !== true);
  if (missing.length > 0) {
    throw new KlpError(
      'kernel-not-built',
      `${root} is not a built kernel tree: there is no ${missing.join(', no ')}`,
    );
  }
  for (const path of needed.map((name) => join(root, name))) {
    await access(path, constants.R_OK).catch((cause: Error) => {
      throw new KlpError('input-unreadable', `${path} cannot be read`, { file: path, cause });
    });
  }
  const config = parseConfig(await readFile(join(root, '.config'), 'utf8'));
  checkKernelConfig(root, config);
  const found = archOfMachine(await elfMachine(vmlinux));
  if (arch !== undefined && archData(arch).name !== found.name) {
    throw new KlpError('kernel-arch-mismatch', `the kernel in ${root} is for ${found.name}, not ${arch}`);
  }
  const compilerText = config.get('CONFIG_CC_VERSION_TEXT') ?? '';
  const toolchain = toolchainOf(compilerText);
  const source = await sourceTree(root);
  const { uid, gid } = await stat(vmlinux);
  return {
    dir: root,
    arch: found,
    release: (await readFile(join(root, 'include/config/kernel.release'), 'utf8')).trim(),
    compilerText,
    ...(toolchain === undefined ? {} : { toolchain }),
    config,
    folders: [
      { source: root, target: root },
      ...(source === root ? [] : [{ source: await realpath(source), target: source }]),
    ],
    owner: `${uid}:${gid}`,
  };
}

/** How a 64-bit little-endian ELF file begins: magic, EI_CLASS and EI_DATA of the System V ABI. */
const elf64le = '\x7fELF\x02\x01';

/** e_machine of vmlinux (at offset 18). @throws KlpError `kernel-not-built` when the file is no such ELF file */
async function elfMachine(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0);
    if (bytesRead === 20 && buffer.toString('latin1', 0, elf64le.length) === elf64le) {
      return buffer.readUInt16LE(18);
    }
    throw new KlpError('kernel-not-built', `${path} is not a 64-bit little-endian ELF file`, { file: path });
  } finally {
    await file.close();
  }
}

/**
 * Makes sure that a tree's kernel can be booted in QEMU.
 * @throws KlpError `kernel-not-bootable`
 */
export async function checkBootable(tree: UserTree): Promise<void> {
  const lacking = guestOptions(tree.arch).filter((name) => tree.config.get(name) !== 'y');
  if (lacking.length > 0) {
    throw new KlpError(
      'kernel-not-bootable',
      `the kernel in ${tree.dir} cannot be booted for a test: it has no ${lacking.join(', no ')} (=y)`,
    );
  }
  const { kernelImage, kernelImageTarget } = tree.arch;
  const made = async (path: string): Promise<number> =>
    (await stat(join(tree.dir, path)).catch(() => undefined))?.mtimeMs ?? 0;
  const image = await made(kernelImage);
  if (image >= (await made('vmlinux'))) return;
  throw new KlpError(
    'kernel-not-bootable',
    `${join(tree.dir, kernelImage)} ${image === 0 ? 'is not there' : 'is older than vmlinux'}`,
    { advice: `Run \`make ${kernelImageTarget}\` in the kernel tree.` },
  );
}

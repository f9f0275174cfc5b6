import { withEngine } from '../controller/docker/connect.js';
import type { ControllerContext } from '../controller/context.js';
import { generateInImage, type GenerateJob } from '../controller/generate.js';
import { generateOnHost } from '../controller/local.js';
import { checkBootable, type UserTree } from '../controller/tree.js';
import { ensureTreeImage, exportTreeBootFiles, type TreeImage } from '../controller/tree-image.js';
import { llvmFor, toolchainData } from '../shared/compilers.js';
import type { ResultDocument } from '../shared/result.js';
import type { BootAssets } from '../verify/types.js';

/** What a kernel tree of the user's gave: the engine's document, and what its kernel is booted with if asked for. */
export interface TreeOutcome {
  result: ResultDocument;
  boot?: BootAssets;
}

/**
 * Makes a livepatch for a kernel that the user has built: in an image with the compiler that built it, or, when that
 * compiler is none of Debian's, on this machine, where the engine looks whether it is here.
 * @param bootDir folder for the files of a test boot; without it there are none
 */
export async function generateFromTree(
  tree: UserTree,
  job: GenerateJob,
  bootDir: string | undefined,
  context: ControllerContext,
): Promise<TreeOutcome> {
  if (bootDir !== undefined) await checkBootable(tree);
  const { toolchain } = tree;
  if (toolchain === undefined) {
    const text = `${tree.compilerText} is no compiler of Debian's archive; the one on this machine is taken`;
    context.progress({ type: 'note', text });
    const result = await generateOnHost(tree, job, context);
    if (bootDir === undefined || result.status !== 'livepatch') return { result };
    return { result, boot: await treeBootFiles(tree, bootDir, context) };
  }
  return withEngine(context, async (docker) => {
    const image = await ensureTreeImage(docker, tree, toolchain, context);
    const result = advised(await generateInImage(docker, image, job, context), image);
    if (bootDir === undefined || result.status !== 'livepatch') return { result };
    return { result, boot: await exportTreeBootFiles(docker, image, bootDir, context) };
  });
}

/** A result that says how to get another compiler where the image's is not the kernel's. */
export function advised(result: ResultDocument, image: Pick<TreeImage, 'ref' | 'toolchain'>): ResultDocument {
  const advice =
    `The compiler is that of the image ${image.ref}, as Debian had it when the image was made. To have it made again ` +
    `of what Debian has now: docker rmi ${image.ref} ${image.toolchain}, and run the command again. If Debian no ` +
    'longer has the compiler of the kernel, build the kernel again with the one that it has.';
  const findings = result.findings.map((finding) =>
    finding.code === 'compiler-mismatch' ? { ...finding, advice } : finding,
  );
  return { ...result, findings };
}

/**
 * What a tree's kernel is booted with, copied to a folder.
 * @throws KlpError `kernel-not-bootable`, and what image builds throw
 */
export async function treeBootFiles(
  tree: UserTree,
  bootDir: string,
  context: ControllerContext,
): Promise<BootAssets> {
  await checkBootable(tree);
  // Any toolchain's image will do where the kernel's own compiler is in none.
  const version = /^\d+\.\d+(\.\d+)?/.exec(tree.release)?.[0] ?? tree.release;
  const toolchain = tree.toolchain ?? toolchainData(llvmFor(version, tree.arch));
  return withEngine(context, async (docker) => {
    const image = await ensureTreeImage(docker, tree, toolchain, context);
    return exportTreeBootFiles(docker, image, bootDir, context);
  });
}

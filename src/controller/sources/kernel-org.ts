import { basename, join } from 'node:path';
import semver from 'semver';
import { kernelOrgData, kernelSemver } from '../../shared/catalog.js';
import type { ControllerContext } from '../context.js';
import { download, fetchBytes } from './http.js';
import { signedText } from './signed.js';
import type { ResolvedSource } from './types.js';

/** The address of the checksum file that lists a kernel; KLP_DOCKER_KERNEL_ORG overrides the server. */
export function checksumsUrl(kernel: string, env: ControllerContext['env']): string {
  const { base, checksums } = kernelOrgData();
  const root = (env.KLP_DOCKER_KERNEL_ORG ?? base).replace(/\/+$/, '');
  return `${root}/v${kernel.split('.')[0] ?? ''}.x/${checksums}`;
}

/**
 * Finds a release on kernel.org, or on a server with its layout: `v6.x/linux-6.4.tar.xz` beside
 * `v6.x/sha256sums.asc`. `X.Y` means the newest point release that the checksum file lists.
 * @returns undefined when the server answers and does not have that version
 * @throws what fetchBytes() throws; Error when the answer is no checksum file; KlpError `signature-invalid`
 */
export async function findOnKernelOrg(
  kernel: string,
  context: ControllerContext,
): Promise<ResolvedSource | undefined> {
  const list = checksumsUrl(kernel, context.env);
  const sums = parseSums(await checksumList(list, context));
  if (sums.size === 0) throw new Error(`${list} lists no kernel`);
  const version = choose(kernel, [...sums.keys()]);
  const entry = version === undefined ? undefined : sums.get(version);
  if (version === undefined || entry === undefined) return undefined;
  const url = `${list.slice(0, list.lastIndexOf('/'))}/${entry.file}`;
  return {
    version,
    origin: 'kernel.org',
    sha256: entry.sha256,
    contextName: 'source.tar.xz',
    fetch: async () => {
      const path = join(context.cacheDir, 'sources', entry.sha256.slice(0, 16), basename(entry.file));
      await download(url, path, entry.sha256, context);
      return path;
    },
  };
}

/**
 * The text of a checksum file. kernel.org signs it; the signature is checked when KLP_DOCKER_KERNEL_ORG_KEYRING
 * names the keys to believe, for no system has them by default. Without, https has to do.
 */
async function checksumList(url: string, context: ControllerContext): Promise<string> {
  const { bytes, from } = await fetchBytes(url, context);
  const keyring = context.env.KLP_DOCKER_KERNEL_ORG_KEYRING;
  if (keyring) return signedText(bytes, url, keyring, context);
  if (!from.startsWith('https://')) {
    context.findings.push({
      code: 'signature-not-checked',
      severity: 'warning',
      message: `${from} came over an unprotected connection and its signature was not checked`,
      advice:
        "Use an https mirror, or set KLP_DOCKER_KERNEL_ORG_KEYRING to a keyring with kernel.org's keys.",
    });
  }
  return bytes.toString('utf8');
}

/** Kernel versions to archive and checksum, from a file in the form that sha256sum writes. */
export function parseSums(text: string): Map<string, { file: string; sha256: string }> {
  const found = new Map<string, { file: string; sha256: string }>();
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](linux-(\d+\.\d+(?:\.\d+)?)\.tar\.xz)$/.exec(line.trimEnd());
    if (match?.[1] && match[2] && match[3]) found.set(match[3], { file: match[2], sha256: match[1] });
  }
  return found;
}

/** The version that `kernel` means among those there are: itself, or the newest point release of a line `X.Y`. */
export function choose(kernel: string, versions: readonly string[]): string | undefined {
  const line = /^\d+\.\d+$/.test(kernel);
  return versions
    .filter((version) => version === kernel || (line && version.startsWith(`${kernel}.`)))
    .sort((a, b) => semver.compare(kernelSemver(b), kernelSemver(a)))[0];
}

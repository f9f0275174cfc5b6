import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import semver from 'semver';
import { debianData, kernelSemver } from '../../shared/catalog.js';
import { KlpError } from '../../shared/errors.js';
import { writeFileAtomic } from '../../shared/files.js';
import { run } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { onPath } from '../path.js';
import { download, fetchBytes, HttpStatusError } from './http.js';
import { choose } from './kernel-org.js';
import { signedText } from './signed.js';
import type { ResolvedSource } from './types.js';

/** A `linux-source-X.Y` package as an archive lists it. */
export interface ListedPackage {
  kernel: string;
  /** Debian's own version, `6.12.107-1`. */
  version: string;
  /** Path below the mirror's root. */
  file: string;
  sha256: string;
}

interface SourcePackage extends Omit<ListedPackage, 'file'> {
  url: string;
  suite: string;
}

/** Base URL of the archive a suite lives in; KLP_DOCKER_DEBIAN_MIRROR and .._SECURITY_MIRROR override. */
export function mirrorOf(suite: string, env: ControllerContext['env']): string {
  const { mirror, securityMirror, suites } = debianData();
  const chosen =
    suites[suite]?.archive === 'security'
      ? (env.KLP_DOCKER_DEBIAN_SECURITY_MIRROR ?? securityMirror)
      : (env.KLP_DOCKER_DEBIAN_MIRROR ?? mirror);
  return chosen.replace(/\/+$/, '');
}

/**
 * Finds a kernel among Debian's `linux-source-*` packages. `X.Y` means the newest point release in any suite; when some
 * suite could not be read there may be a newer one, which is told as a finding.
 * @param suite the only suite to look in; all that the catalogue names when left out
 * @returns the source, or undefined; and what every suite had to say
 * @throws KlpError `signature-invalid`, `checksum-mismatch`, `mirror-not-reachable` when no suite answered
 */
export async function findInDebian(
  kernel: string,
  suite: string | undefined,
  context: ControllerContext,
): Promise<{ source?: ResolvedSource; seen: string[] }> {
  const suites = suite === undefined ? debianData().kernelSourceSuites : [suite];
  const answers = await Promise.all(suites.map((name) => packagesOf(name, context)));
  const packages = answers.flatMap((answer) => ('packages' in answer ? answer.packages : []));
  const failed = answers.flatMap((answer) => ('problem' in answer ? [answer.problem] : []));
  if (failed.length === suites.length) {
    throw new KlpError('mirror-not-reachable', `no Debian suite could be read: ${failed.join('; ')}`);
  }
  const version = choose(
    kernel,
    packages.map((p) => p.kernel),
  );
  const first = packages.find((p) => p.kernel === version);
  const chosen = packages
    .filter((p) => p.kernel === version && p.suite === first?.suite)
    .sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))[0];
  const seen = [...new Set(packages.map((p) => p.kernel))].sort((a, b) =>
    semver.compare(kernelSemver(a), kernelSemver(b)),
  );
  if (!chosen) return { seen: [...seen, ...failed] };
  if (chosen.kernel !== kernel && failed.length > 0) {
    context.findings.push({
      code: 'suites-not-read',
      severity: 'warning',
      message: `Linux ${chosen.kernel} is the newest ${kernel} of the Debian suites that could be read; not read: ${failed.join('; ')}`,
    });
  }
  return {
    seen,
    source: {
      version: chosen.kernel,
      origin: `debian:${chosen.suite}`,
      sha256: chosen.sha256,
      contextName: 'source.deb',
      fetch: async () => {
        const path = join(context.cacheDir, 'sources', chosen.sha256.slice(0, 16), basename(chosen.url));
        await download(chosen.url, path, chosen.sha256, context);
        return path;
      },
    },
  };
}

async function packagesOf(
  suite: string,
  context: ControllerContext,
): Promise<{ packages: SourcePackage[] } | { problem: string }> {
  try {
    return { packages: await readSuite(suite, context) };
  } catch (error) {
    if (error instanceof KlpError && !['download-failed', 'download-refused'].includes(error.code))
      throw error;
    const why = error instanceof HttpStatusError ? `HTTP ${error.status}` : String((error as Error).message);
    return { problem: `${suite}: ${why}` };
  }
}

/** InRelease (signature) -> Packages.xz (checksum in InRelease) -> packages (checksum in Packages). */
async function readSuite(suite: string, context: ControllerContext): Promise<SourcePackage[]> {
  const mirror = mirrorOf(suite, context.env);
  const dists = `${mirror}/dists/${suite}`;
  const { bytes } = await fetchBytes(`${dists}/InRelease`, context);
  const release = await verifiedRelease(bytes, `${dists}/InRelease`, context);
  // Packages for all architectures are listed with each of them.
  const stem = 'main/binary-amd64/Packages';
  const name = onPath('xz') === undefined ? `${stem}.gz` : `${stem}.xz`;
  const sha256 = releaseHashes(release).get(name);
  if (sha256 === undefined) throw new KlpError('download-failed', `${dists}/InRelease does not list ${name}`);
  const kept = join(context.cacheDir, 'indexes', `${sha256}.json`);
  const listed = await readFile(kept, 'utf8').catch(() => undefined);
  if (listed !== undefined) return forMirror(JSON.parse(listed) as ListedPackage[], mirror, suite);
  const path = join(context.cacheDir, 'indexes', `${sha256}-${basename(name)}`);
  await download(`${dists}/${name}`, path, sha256, context);
  const text = name.endsWith('.gz')
    ? gunzipSync(await readFile(path)).toString('utf8')
    : (await run(['xz', '-dc', path], { signal: context.signal, failure: 'download-failed' })).stdout;
  const packages = sourcePackages(text);
  await writeFileAtomic(kept, JSON.stringify(packages));
  await rm(path, { force: true });
  return forMirror(packages, mirror, suite);
}

function forMirror(packages: ListedPackage[], mirror: string, suite: string): SourcePackage[] {
  return packages.map(({ file, ...rest }) => ({ ...rest, url: `${mirror}/${file}`, suite }));
}

/** The signed text of an InRelease file, checked against the archive's keys where this machine can. */
async function verifiedRelease(signed: Buffer, url: string, context: ControllerContext): Promise<string> {
  const keyring = (context.env.KLP_DOCKER_DEBIAN_KEYRING?.split(':') ?? debianData().keyrings).find((path) =>
    existsSync(path),
  );
  if (onPath('gpgv') === undefined || keyring === undefined) {
    const message = `${url}: the signature was not checked, for gpgv or the archive's keyring is not installed`;
    if (!context.findings.some((finding) => finding.code === 'signature-not-checked')) {
      context.findings.push({
        code: 'signature-not-checked',
        severity: 'warning',
        message,
        advice: 'apt-get install gpgv debian-archive-keyring',
      });
    }
    return signed.toString('utf8');
  }
  return signedText(signed, url, keyring, context);
}

/** File names to SHA-256 from a Release file's own list. */
export function releaseHashes(release: string): Map<string, string> {
  const found = new Map<string, string>();
  let inside = false;
  for (const line of release.split('\n')) {
    if (/^\S/.test(line)) inside = line.startsWith('SHA256:');
    const match = inside ? /^ ([0-9a-f]{64}) +\d+ (\S+)$/.exec(line) : null;
    if (match?.[1] && match[2]) found.set(match[2], match[1]);
  }
  return found;
}

/** The kernel sources that a Packages file lists; what it says is checked for its form. */
export function sourcePackages(text: string): ListedPackage[] {
  const found: ListedPackage[] = [];
  const start = 'Package: linux-source-';
  for (let at = text.indexOf(start); at !== -1; at = text.indexOf(start, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue;
    const end = text.indexOf('\n\n', at);
    const field = new Map(
      text
        .slice(at, end === -1 ? undefined : end)
        .split('\n')
        .map((line): [string, string] => [
          line.split(':', 1)[0] ?? '',
          line.slice(line.indexOf(':') + 1).trim(),
        ]),
    );
    const version = field.get('Version') ?? '';
    const kernel = /^(\d+\.\d+(?:\.\d+)?)-/.exec(version)?.[1];
    const file = field.get('Filename');
    const sha256 = field.get('SHA256');
    if (!/^linux-source-\d+\.\d+$/.test(field.get('Package') ?? '') || !kernel || !file || !sha256) continue;
    if (!/^[\w./+~-]+\.deb$/.test(file) || file.includes('..') || !/^[0-9a-f]{64}$/.test(sha256)) continue;
    found.push({ kernel, version, file, sha256 });
  }
  return found;
}

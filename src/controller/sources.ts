import { statSync } from 'node:fs';
import { debianData, kernelSemver } from '../shared/catalog.js';
import { withoutCredentials } from '../shared/credentials.js';
import { KlpError } from '../shared/errors.js';
import type { ControllerContext } from './context.js';
import { findInDebian } from './sources/debian.js';
import { findInGit } from './sources/git.js';
import { HttpStatusError, requestProblem } from './sources/http.js';
import { choose, findOnKernelOrg } from './sources/kernel-org.js';
import { findFolder, findTarball } from './sources/local.js';
import type { ResolvedSource, SourceSpec } from './sources/types.js';

/**
 * What `--source` means: `kernel.org`, `debian`, `debian:SUITE`, `git+URL#TAG`, a tarball or a folder.
 * @throws KlpError `source-invalid`
 */
export function parseSource(text: string | undefined): SourceSpec {
  if (text === undefined || text === 'default') return { kind: 'default' };
  if (text === 'kernel.org') return { kind: 'kernel.org' };
  const debian = /^debian(?::(.+))?$/.exec(text);
  if (debian) {
    const suite = debian[1];
    if (suite === undefined) return { kind: 'debian' };
    const known = Object.keys(debianData().suites);
    if (!known.includes(suite)) {
      throw new KlpError('source-invalid', `unknown Debian suite ${suite} (there are: ${known.join(', ')})`);
    }
    return { kind: 'debian', suite };
  }
  const git = /^git\+(\S+)#(\S+)$/.exec(text);
  if (git?.[1] && git[2]) return { kind: 'git', url: git[1], tag: git[2] };
  if (text.startsWith('git+'))
    throw new KlpError('source-invalid', `a git source needs a tag: ${withoutCredentials(text)}#v6.12`);
  const found = statSync(text, { throwIfNoEntry: false });
  if (found?.isDirectory()) return { kind: 'folder', path: text };
  if (found?.isFile()) return { kind: 'tarball', path: text };
  throw new KlpError(
    'source-invalid',
    `--source ${withoutCredentials(text)} is neither a known place nor a file or folder that exists`,
  );
}

/**
 * Finds the source of a kernel: full version, place and checksum, before anything is downloaded or built.
 * The default tries kernel.org, then Debian's linux-source packages.
 * @param kernel `X.Y` (the newest point release there is) or `X.Y.Z`
 * @throws KlpError `source-not-found`, `mirror-not-reachable`, `source-version-differs` and what the place throws
 */
export async function resolveSource(
  kernel: string,
  spec: SourceSpec,
  context: ControllerContext,
): Promise<ResolvedSource> {
  kernelSemver(kernel);
  switch (spec.kind) {
    case 'tarball':
      return sameVersion(kernel, await findTarball(spec.path, context));
    case 'folder':
      return sameVersion(kernel, await findFolder(spec.path, context));
    case 'git':
      return sameVersion(kernel, await findInGit(spec.url, spec.tag, context));
    case 'kernel.org':
    case 'debian':
    case 'default':
      return fromArchives(kernel, spec, context);
  }
}

async function fromArchives(
  kernel: string,
  spec: SourceSpec,
  context: ControllerContext,
): Promise<ResolvedSource> {
  const problems: string[] = [];
  let answered = false;
  if (spec.kind !== 'debian') {
    try {
      const found = await findOnKernelOrg(kernel, context);
      if (found) return found;
      answered = true;
      problems.push(`kernel.org does not list ${kernel}`);
    } catch (error) {
      if (error instanceof KlpError) throw error;
      answered = error instanceof HttpStatusError;
      problems.push(`kernel.org: ${requestProblem(error)}`);
      context.progress({ type: 'note', text: `kernel.org: ${requestProblem(error)}` });
    }
  }
  if (spec.kind !== 'kernel.org') {
    try {
      const { source, seen } = await findInDebian(
        kernel,
        spec.kind === 'debian' ? spec.suite : undefined,
        context,
      );
      if (source) return source;
      answered = true;
      problems.push(`Debian has ${seen.join(', ') || 'none'}`);
    } catch (error) {
      if (!(error instanceof KlpError) || error.code !== 'mirror-not-reachable') throw error;
      problems.push(error.message);
    }
  }
  const all = problems.join('; ');
  if (answered) throw new KlpError('source-not-found', `there is no source for Linux ${kernel}: ${all}`);
  throw new KlpError('mirror-not-reachable', `no place for kernel sources answers: ${all}`);
}

function sameVersion(kernel: string, source: ResolvedSource): ResolvedSource {
  if (choose(kernel, [source.version]) !== undefined || kernelSemver(kernel) === kernelSemver(source.version))
    return source;
  throw new KlpError('source-version-differs', `${source.origin} is Linux ${source.version}, not ${kernel}`);
}

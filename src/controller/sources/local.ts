import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { run } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { sha256File } from './http.js';
import type { ResolvedSource } from './types.js';

/** What builds leave beside objects in a tree, a key among it; an image is built from the source alone. */
const leftByBuilds = [
  '.config*',
  '.tmp_*',
  'vmlinux*',
  'System.map',
  'Module.symvers',
  'modules.*',
  'certs/signing_key.*',
  'include/config',
  'include/generated',
  'arch/*/include/generated',
];

const tarballSuffix = /\.tar(\.(xz|gz|zst|bz2))?$/;

/**
 * The version that a kernel's Makefile begins with; undefined when it is no such file. Of EXTRAVERSION only a
 * release candidate's belongs to the version, a builder's own does not.
 */
export function makefileVersion(
  makefile: string,
): Pick<ResolvedSource, 'version' | 'madeVersion'> | undefined {
  const value = (name: string, form: string): string | undefined =>
    new RegExp(`^${name} *=[ \\t]*(${form})[ \\t]*$`, 'm').exec(makefile)?.[1];
  const [major, minor, point = '0'] = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map((name) =>
    value(name, '\\d+'),
  );
  if (major === undefined || minor === undefined) return undefined;
  const extra = value('EXTRAVERSION', '\\S*') ?? '';
  const candidate = /^-rc\d+/.exec(extra)?.[0] ?? '';
  return {
    version: `${major}.${minor}${point === '0' ? '' : `.${point}`}${candidate}`,
    ...(extra === candidate ? {} : { madeVersion: `${major}.${minor}.${point}${extra}` }),
  };
}

/**
 * A tarball of the user's. Nothing of it is unpacked on this machine; its Makefile is read for the version.
 * @throws KlpError `source-invalid`, `source-unusable`
 */
export async function findTarball(path: string, context: ControllerContext): Promise<ResolvedSource> {
  const file = resolve(path);
  const suffix = tarballSuffix.exec(file)?.[0];
  if (suffix === undefined)
    throw new KlpError('source-invalid', `${path} is not a .tar, .tar.xz, .tar.gz or .tar.zst`);
  const { signal } = context;
  const env = { LC_ALL: 'C' };
  // Stops at the first match, and so takes little time where the Makefile comes early.
  const listed = await run(
    ['tar', '-xOf', file, '--wildcards', '--no-wildcards-match-slash', '--occurrence=1', '*/Makefile'],
    { signal, env, okCodes: [0, 2] },
  );
  const version = makefileVersion(listed.stdout);
  if (version === undefined) {
    const complaints = listed.stderr.split('\n').filter((line) => !/: Not found in|^tar: Exiting/.test(line));
    const readable = complaints.join('') === '';
    throw readable
      ? new KlpError('source-unusable', `${path} has no kernel Makefile at its top`)
      : new KlpError('source-unusable', `${path} cannot be unpacked`, { output: listed.stderr });
  }
  return {
    ...version,
    origin: path,
    sha256: await sha256File(file),
    contextName: `source${suffix}`,
    fetch: async () => {
      // To its end, before a build begins with it.
      const message = `${path} cannot be unpacked to its end`;
      await run(['tar', '-tf', file], { signal, env, failure: 'source-unusable', message });
      return file;
    },
  };
}

/**
 * A folder with a kernel tree; what goes into the build is an archive of it, made once.
 * @throws KlpError `source-unusable`
 */
export async function findFolder(path: string, context: ControllerContext): Promise<ResolvedSource> {
  const dir = resolve(path);
  const version = await run(['cat', join(dir, 'Makefile')], { okCodes: [0, 1] }).then((r) =>
    makefileVersion(r.stdout),
  );
  if (version === undefined)
    throw new KlpError('source-unusable', `${path} has no kernel Makefile at its top`);
  const archive = await archiveOf(context, (file) =>
    run(
      // Order, owners and times are fixed so that the same tree gives the same checksum.
      [
        'tar',
        '-cf',
        file,
        '--sort=name',
        '--owner=0',
        '--group=0',
        '--mtime=@0',
        '--exclude-vcs',
        '--anchored',
        ...leftByBuilds.map((path) => `--exclude=./${path}`),
        '--no-anchored',
        ...['o', 'a', 'ko', 'cmd'].map((suffix) => `--exclude=*.${suffix}`),
        '-C',
        dir,
        // Of names alone (S): where a symbolic link points to stays as it is.
        '--transform=s,^\\.,linux,S',
        '.',
      ],
      { signal: context.signal, failure: 'source-unusable' },
    ),
  );
  return { ...version, origin: path, ...archive };
}

/** Lets `make` write an archive and keeps it in the cache under its checksum. */
export async function archiveOf(
  context: ControllerContext,
  make: (file: string) => Promise<unknown>,
): Promise<Pick<ResolvedSource, 'sha256' | 'contextName' | 'fetch'>> {
  const dir = join(context.cacheDir, 'sources');
  await mkdir(dir, { recursive: true });
  const temporary = join(
    dir,
    `${createHash('sha256').update(`${process.pid} ${performance.now()}`).digest('hex')}.part`,
  );
  try {
    await make(temporary);
    const sha256 = await sha256File(temporary);
    const path = join(dir, sha256.slice(0, 16), 'source.tar');
    await mkdir(join(dir, sha256.slice(0, 16)), { recursive: true });
    await rename(temporary, path);
    await stat(path);
    return { sha256, contextName: 'source.tar', fetch: async () => path };
  } finally {
    await rm(temporary, { force: true });
  }
}

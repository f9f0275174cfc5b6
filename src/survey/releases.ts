import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ControllerContext } from '../controller/context.js';
import { needSpace } from '../controller/disk.js';
import { withLock } from '../controller/lock.js';
import { parseSource, resolveSource } from '../controller/sources.js';
import { findTarball } from '../controller/sources/local.js';
import type { ResolvedSource } from '../controller/sources/types.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../shared/files.js';
import { stage } from '../shared/progress.js';
import { run, type RunResult } from '../shared/run.js';
import { surveyLimits, tooLarge, type UnreadItem } from './input.js';

/** One side of a difference: a folder as it is, or an archive to be unpacked. */
type Side = { about: string; dir: string } | { about: string; source: ResolvedSource };

/** What an unpacked kernel source takes, generously. */
const treeBytes = 2.5 * 1024 ** 3;

/** What builds and version control leave in a folder. */
const noSource = [
  '.git',
  '*.o',
  '*.a',
  '*.ko',
  '*.cmd',
  '*.mod',
  '*.rej',
  '*.orig',
  'vmlinux*',
  'System.map',
];
const generated = /^(?:arch\/[^/]+\/)?include\/(?:generated|config)\/|^\.config|^Module\.symvers$|^modules\./;

/**
 * The difference of two kernels, one patch a file.
 * @param from a version (`6.12.107`), a folder, a tarball, or another `--source`
 * @throws KlpError: what finding and fetching a source throws; `survey-too-large`, `no-disk-space`
 */
export async function readReleases(
  from: string,
  to: string,
  context: ControllerContext,
): Promise<{ about: string; patches: UnreadItem[] }> {
  const [a, b] = [await sideOf(from, context), await sideOf(to, context)];
  const about = `${a.about} to ${b.about}`;
  return { about, patches: splitDifference(await differenceOf(a, b, context)) };
}

async function sideOf(text: string, context: ControllerContext): Promise<Side> {
  const info = await stat(text).catch(() => undefined);
  if (info?.isDirectory() === true) {
    if (!existsSync(join(text, 'Makefile')))
      throw new KlpError('source-unusable', `${text} has no kernel Makefile at its top`, { file: text });
    return { about: text, dir: resolve(text) };
  }
  const isVersion = /^\d+\.\d+(\.\d+)?(-rc\d+)?$/.test(text) && info === undefined;
  if (!isVersion && info === undefined)
    throw new KlpError(
      'source-invalid',
      `${text} is neither a kernel version nor a file or folder that exists`,
    );
  const source = await stage('resolve source', context, () => sourceOf(text, isVersion, context), text);
  return { about: `Linux ${source.version}`, source };
}

async function sourceOf(
  text: string,
  isVersion: boolean,
  context: ControllerContext,
): Promise<ResolvedSource> {
  if (isVersion) return await resolveSource(text, parseSource(undefined), context);
  return await findTarball(text, context);
}

/** The difference as one text. Of two archives, whose content is known by checksum, it is kept in the cache. */
async function differenceOf(a: Side, b: Side, context: ControllerContext): Promise<string> {
  if ('dir' in a || 'dir' in b) return await makeDifference(a, b, context);
  const name = [a, b].map(({ source }) => source.sha256.slice(0, 24)).join('-');
  const file = join(context.cacheDir, 'differences', `${name}.diff`);
  return await withLock(file, `the difference of ${a.about} and ${b.about}`, context, async () => {
    if (!existsSync(file)) await writeFileAtomic(file, await makeDifference(a, b, context));
    return await readFile(file, 'utf8');
  });
}

async function makeDifference(a: Side, b: Side, context: ControllerContext): Promise<string> {
  return await withTempDir('klp-docker-difference', async (dir) => {
    await place(a, join(dir, 'a'), context);
    await place(b, join(dir, 'b'), context);
    const ran = await stage('difference', context, () =>
      run(
        [
          ...['diff', '-rNup', '--no-dereference'],
          ...noSource.map((name) => `--exclude=${name}`),
          ...['a/', 'b/'],
        ],
        {
          cwd: dir,
          signal: context.signal,
          env: { LC_ALL: 'C' },
          okCodes: [0, 1, 2],
          failure: 'source-unusable',
        },
      ),
    );
    const links = changedLinks(ran).map((path) => linkPatch(dir, path));
    const text = `${ran.stdout}\n${(await Promise.all(links)).join('')}`;
    if (text.length > surveyLimits.bytes)
      throw tooLarge(`the difference of ${a.about} and ${b.about}`, `${text.length} characters`);
    return text;
  });
}

/**
 * The symbolic links that differ. Of those diff makes no patch: it tells of them in a line, or, where one side has
 * nothing, complains, goes on, and ends with 2.
 * @throws KlpError `source-unusable` when it complains of anything else
 */
function changedLinks({ stdout, stderr }: RunResult): string[] {
  const told = [
    ...stdout.matchAll(/^Symbolic links a\/(.+) and b\/\1 differ$/gm),
    ...stdout.matchAll(/^File a\/(.+) is a .+ while file b\/\1 is a .+$/gm),
  ].map((match) => match[1] ?? '');
  const lines = stderr.split('\n').filter((line) => line !== '');
  const missing = lines.map((line) => /^diff: [ab]\/(.+): No such file or directory$/.exec(line)?.[1]);
  const others = lines.filter((_, i) => missing[i] === undefined);
  if (others.length > 0)
    throw new KlpError('source-unusable', 'the two sources cannot be compared', {
      output: others.join('\n'),
      advice: 'See what diff says of these files.',
    });
  return [...told, ...missing.filter((path) => path !== undefined)].sort();
}

/** The change of a symbolic link, as git writes it. */
async function linkPatch(dir: string, path: string): Promise<string> {
  const [before, after] = await Promise.all(
    ['a', 'b'].map((side) => readlink(join(dir, side, path)).catch(() => undefined)),
  );
  const side = (sign: string, target: string | undefined): string[] =>
    target === undefined ? [] : [`${sign}${target}`, '\\ No newline at end of file'];
  const lines = [
    `diff --git a/${path} b/${path}`,
    ...(before === undefined ? ['new file mode 120000'] : []),
    ...(after === undefined ? ['deleted file mode 120000'] : []),
    `--- ${before === undefined ? '/dev/null' : `a/${path}`}`,
    `+++ ${after === undefined ? '/dev/null' : `b/${path}`}`,
    `@@ -${before === undefined ? '0,0' : '1'} +${after === undefined ? '0,0' : '1'} @@`,
    ...side('-', before),
    ...side('+', after),
  ];
  return `${lines.join('\n')}\n`;
}

/** Makes a side readable at `path`. */
async function place(side: Side, path: string, context: ControllerContext): Promise<void> {
  if ('dir' in side) return await symlink(side.dir, path);
  const { about, source } = side;
  const file = await stage('fetch source', context, () => source.fetch(), about);
  await needSpace(path, treeBytes, `the source of ${about}`);
  await stage('unpack', context, () => unpack(file, path, about, context.signal), about);
}

async function unpack(file: string, path: string, about: string, signal: AbortSignal): Promise<void> {
  await mkdir(path);
  const options = { signal, failure: 'source-unusable', message: `${about} cannot be unpacked` } as const;
  if (!file.endsWith('.deb')) {
    await run(['tar', '-xf', file, '-C', path, '--strip-components=1', '--no-same-owner'], options);
    return;
  }
  await withTempDir('klp-docker-deb', async (dir) => {
    await run(['dpkg-deb', '-x', file, dir], options);
    const folder = join(dir, 'usr', 'src');
    const tarball = (await readdir(folder)).find((name) => /^linux-source-.*\.tar\.\w+$/.test(name));
    if (tarball === undefined) throw new KlpError('source-unusable', `${about} holds no source tarball`);
    const inner = join(folder, tarball);
    await run(['tar', '-xf', inner, '-C', path, '--strip-components=1', '--no-same-owner'], options);
  });
}

/**
 * The output of `diff -r` as one patch a file. The times of the files are taken out: they say nothing of the change.
 * A changed binary file has a patch that says so.
 */
export function splitDifference(text: string): UnreadItem[] {
  const items: UnreadItem[] = [];
  for (const part of text.split(/^(?=diff -rNup |diff --git |Binary files a\/)/m)) {
    const binary = /^Binary files a\/(.+) and b\/.+ differ$/m.exec(part);
    const lines = part.split('\n');
    if (lines[0]?.startsWith('diff -rNup ') === true) {
      const header = lines.slice(1, 3).map((line) => line.replace(/\t\d{4}-\d\d-\d\d .*$/, ''));
      const end = lines.findLastIndex((line) => /^[ +\-\\]/.test(line));
      const name = (header[1] ?? '').replace(/^\+\+\+ "?b\/|"$/g, '');
      items.push({ name, text: `${[...header, ...lines.slice(3, end + 1)].join('\n')}\n` });
    } else if (binary?.[1] !== undefined) {
      const path = binary[1];
      const lines = [`diff --git a/${path} b/${path}`, `Binary files a/${path} and b/${path} differ`];
      items.push({ name: path, text: `${lines.join('\n')}\n` });
    } else {
      const link = /^diff --git a\/(.+) b\/\1$/m.exec(part)?.[1];
      if (link !== undefined) items.push({ name: link, text: part });
    }
  }
  return items.filter(({ name }) => !generated.test(name));
}

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { isCoverLetter } from '../engine/patch/mail.js';
import { asKlpError, KlpError } from '../shared/errors.js';
import { run } from '../shared/run.js';
import { splitFiles, splitMails, withIds, withUniqueNames } from './split.js';
import type { FilePart, SurveyInput, SurveyItem } from './types.js';

/** Bounds for what a survey is made of; a stable update of a year has about 10,000 fixes. */
export const surveyLimits = { items: 20_000, bytes: 384 * 1024 * 1024 };

/** An item before it is known whether its patch can be read. */
export interface UnreadItem {
  name: string;
  text: string;
}

/** What a survey is made of, and what of it cannot be read as a patch and why. */
export interface ReadInput extends SurveyInput {
  /** Those that the survey is to answer for; the others may have to go with them. */
  asked: SurveyItem[];
  unreadable: { name: string; error: KlpError }[];
  /** What `only` names and no change touches. */
  untouched: string[];
  /** Cover letters of series, which hold no patch. */
  coverLetters: string[];
}

/**
 * Reads the patches of a survey.
 * @param only when not empty: files and folders; the survey answers for the changes that touch one of these
 * @throws KlpError `survey-empty`, `survey-too-large`
 */
export function readItems(
  about: string,
  patches: readonly UnreadItem[],
  ordered: boolean,
  only: readonly string[],
): ReadInput {
  const wanted = only.map((path) => posix.normalize(path).replace(/\/+$/, ''));
  if (patches.length > surveyLimits.items) throw tooLarge(about, `${patches.length} patches`);
  const unreadable: ReadInput['unreadable'] = [];
  const coverLetters: string[] = [];
  const read: { name: string; parts: FilePart[] }[] = [];
  for (const { name, text } of withUniqueNames(patches)) {
    try {
      read.push({ name, parts: splitFiles(name, text) });
    } catch (error) {
      // What files it has is not known; of a difference, the name tells.
      if (isCoverLetter(text)) coverLetters.push(name);
      else if (isWanted(name, wanted)) unreadable.push({ name, error: asKlpError(error) });
    }
  }
  const items: SurveyItem[] = withIds(read);
  const asked = items.filter(({ parts }) => parts.some(({ path }) => isWanted(path, wanted)));
  if (asked.length + unreadable.length === 0) {
    const where = only.length === 0 ? '' : ` that touches ${only.join(' or ')}`;
    throw new KlpError('survey-empty', `there is no patch in ${about}${where}`);
  }
  const touched = [
    ...asked.flatMap(({ parts }) => parts.map(({ path }) => path)),
    ...unreadable.map(({ name }) => name),
  ];
  const untouched = only.filter((_, i) => !touched.some((path) => isWanted(path, wanted.slice(i, i + 1))));
  return { about, items, asked, ordered, unreadable, untouched, coverLetters };
}

/** Is a path one of those wanted, or in a folder of them? Everything is when nothing is named. */
function isWanted(path: string, only: readonly string[]): boolean {
  if (only.length === 0) return true;
  return only.some((wanted) => wanted === '.' || path === wanted || path.startsWith(`${wanted}/`));
}

export function tooLarge(about: string, what: string): KlpError {
  return new KlpError('survey-too-large', `${about} has ${what}`);
}

/**
 * Patch files, mbox files and folders of them. A folder's files are taken in the order of its `series` file, else by
 * name; folders in it are not entered.
 * @throws KlpError `input-not-found`, `input-unreadable`, `survey-too-large`
 */
export async function readPatchFiles(paths: readonly string[]): Promise<UnreadItem[]> {
  const files = (await Promise.all(paths.map((path) => filesOf(path)))).flat();
  const mails: UnreadItem[] = [];
  let bytes = 0;
  for (const file of files) {
    bytes += (await statOf(file)).size;
    if (bytes > surveyLimits.bytes) throw tooLarge(file, `with those before it ${bytes} bytes`);
    const found = splitMails(await readFile(file, 'utf8'));
    for (const [i, { title, text }] of found.entries()) {
      const numbered = found.length === 1 ? basename(file) : `${basename(file)} ${i + 1}`;
      mails.push({ name: title ?? numbered, text });
    }
  }
  return mails;
}

async function statOf(path: string) {
  return await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')
      throw new KlpError('input-not-found', `There is no file or folder ${path}`, { file: path, cause });
    throw new KlpError('input-unreadable', `${path} cannot be looked at: ${cause.message}`, {
      file: path,
      cause,
    });
  });
}

async function filesOf(path: string): Promise<string[]> {
  const info = await statOf(path);
  if (info.isFile()) return [path];
  if (!info.isDirectory())
    throw new KlpError('input-not-a-file', `${path} is neither a file nor a folder`, { file: path });
  const present = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map(({ name }) => name);
  const wanted = present.includes('series')
    ? await listedIn(path)
    : present.filter((name) => /\.(patch|diff|mbox|mbx|eml)$/.test(name)).sort();
  return wanted.map((name) => join(path, name));
}

/** What a folder's `series` lists; an entry that is no file in the folder, or below it, would be a fix not answered for. */
async function listedIn(folder: string): Promise<string[]> {
  const series = join(folder, 'series');
  const lines = (await readFile(series, 'utf8')).split('\n');
  const names = lines
    .map((line) => line.replace(/(^|\s)#.*|\s+-p\d.*/, '').trim())
    .filter((name) => name !== '');
  for (const name of names) {
    const info = join(folder, name).startsWith(join(folder, '/'))
      ? await stat(join(folder, name)).catch(() => undefined)
      : undefined;
    if (!info?.isFile()) {
      throw new KlpError('input-not-found', `${series} lists ${name}, which is no file in ${folder}`, {
        file: series,
        advice: 'Correct the series; only `-pN` may follow a name.',
      });
    }
  }
  return names;
}

/**
 * The commits of a range as patches, oldest first, merges left out.
 * @param dir a git repository, or a folder in one
 * @param range `FROM..TO`
 * @throws KlpError `git-range-unusable`, `survey-too-large`
 */
export async function readGitRange(dir: string, range: string, signal: AbortSignal): Promise<UnreadItem[]> {
  if (!/^[^-\s.][^\s]*?\.\.[^\s.]/.test(range))
    throw new KlpError('git-range-unusable', `${JSON.stringify(range)} is no range of commits (FROM..TO)`);
  // What a repository's own settings would run or change is switched off.
  const settings = [
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
    'core.quotePath=true',
    'diff.noprefix=false',
  ];
  const { stdout } = await run(
    [
      ...['git', ...settings.flatMap((setting) => ['-c', setting]), '-C', dir],
      ...['format-patch', '--stdout', '--no-signature', '--no-ext-diff', '--no-textconv', '--no-renames'],
      ...['--no-attach', '--no-cover-letter', '--no-thread', '--src-prefix=a/', '--dst-prefix=b/'],
      ...['--end-of-options', range, '--'],
    ],
    {
      signal,
      env: { GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
      failure: 'git-range-unusable',
      message: `git cannot list the commits of ${range} in ${dir}`,
    },
  );
  if (stdout.length > surveyLimits.bytes) throw tooLarge(range, `${stdout.length} characters of patches`);
  if (stdout.trim() === '') return [];
  return splitMails(`${stdout}\n`).map(({ title, text }, i) => ({ name: title ?? `commit ${i + 1}`, text }));
}

import { KlpError } from '../../shared/errors.js';
import { encodingIn, isCoverLetter } from './mail.js';
import { parseGitNames, parseName, unquoteName } from './names.js';

/** Bounds for untrusted patches; far above what a livepatch is made of. */
export const limits = { patchBytes: 4 * 1024 * 1024, patches: 256, files: 2000 } as const;

/** One line of a hunk. `text` is without the marker and with its line end, which only a file's last line may lack. */
export interface HunkLine {
  kind: ' ' | '-' | '+';
  text: string;
  /** Line of the patch file, from 1. */
  patchLine: number;
}

export interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  /** What stands behind the second `@@`: the head of what the hunk lies in, as far as the tool that made it knew. */
  heading: string;
  lines: HunkLine[];
  /** Line of its `@@` in the patch file, from 1. */
  patchLine: number;
}

/** What a patch says about one file; names are as written, prefix included, undefined for /dev/null. */
export interface FilePatch {
  patch: string;
  patchLine: number;
  oldName: string | undefined;
  newName: string | undefined;
  /** Set by git's headers, where the prefix is known to be there or not. */
  git: boolean;
  renamed: boolean;
  added: boolean;
  deleted: boolean;
  binary: boolean;
  hunks: Hunk[];
}

interface Reader {
  name: string;
  lines: string[];
  at: number;
}

/**
 * Reads a patch: git or plain unified diffs, alone or in mails, one after the other.
 * @param name the patch's name in messages
 * @param text its content; line ends may be LF, or CRLF throughout
 * @returns what it says of each file, in its order; nothing for an empty patch, which is what a diff of no difference is
 * @throws KlpError `not-a-patch` (with the line), `patch-too-large`
 */
export function parsePatch(name: string, text: string): FilePatch[] {
  if (text.length > limits.patchBytes) {
    throw new KlpError(
      'patch-too-large',
      `${name} has ${text.length} characters; the limit is ${limits.patchBytes}`,
      {
        file: name,
      },
    );
  }
  if (text.trim() === '') return [];
  if (text.includes('\0'))
    throw notAPatch(name, undefined, 'the file is binary, or UTF-16; a patch is plain text');
  const reader: Reader = { name, lines: splitPatch(text), at: 0 };
  const encoded = encodingIn(reader.lines);
  if (encoded) {
    throw notAPatch(
      name,
      encoded.at,
      `a mail in ${encoded.encoding}: its text is not the patch as it was written`,
      'Decode it, e.g. with git mailinfo /dev/null fix.patch < MAIL, which writes fix.patch.',
    );
  }
  const files: FilePatch[] = [];
  while (reader.at < reader.lines.length) {
    const file = nextFile(reader, files.at(-1));
    if (file) files.push(file);
  }
  if (files.length > 0) return files;
  if (!isCoverLetter(text)) throw notAPatch(name, undefined, whyNoPatch(reader.lines));
  throw new KlpError('not-a-patch', `${name} is the cover letter of a series, and holds no patch`, {
    file: name,
    advice: 'Leave it out, and name the patches of the series.',
  });
}

/** Lines without LF; a patch that was converted to CRLF as a whole is converted back. */
function splitPatch(text: string): string[] {
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  // Only the diff's own headers tell: a CR on content lines alone belongs to a file with CRLF line ends.
  const headers = lines.filter((line) => /^(diff --git |--- \S|\+\+\+ \S|@@ -\d)/.test(line));
  const converted = headers.length > 0 && headers.every((line) => line.endsWith('\r'));
  return converted ? lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)) : lines;
}

/** Moves to the next file's part and reads it; undefined when one line was passed that belongs to none. */
function nextFile(reader: Reader, last: FilePatch | undefined): FilePatch | undefined {
  const { name, lines } = reader;
  const start = reader.at;
  const line = lines[start] ?? '';
  if (line.startsWith('diff --git ')) return gitFile(reader);
  if (/^diff --(cc|combined) /.test(line) || line.startsWith('@@@ ')) {
    throw notAPatch(name, start, 'a merge diff against several parents; make a diff against one');
  }
  if (isPlainHeader(lines, start)) return plainFile(reader);
  if (/^@@ -\d+(,\d+)? \+\d+(,\d+)? @@/.test(line)) {
    const why = last
      ? 'a hunk that does not follow the file it belongs to'
      : 'a hunk before any `---`/`+++` lines';
    throw notAPatch(name, start, why);
  }
  reader.at++;
  return undefined;
}

function isPlainHeader(lines: string[], at: number): boolean {
  return (
    /^--- \S/.test(lines[at] ?? '') &&
    /^\+\+\+ \S/.test(lines[at + 1] ?? '') &&
    (lines[at + 2] ?? '').startsWith('@@ -')
  );
}

function emptyFile(reader: Reader): FilePatch {
  return {
    patch: reader.name,
    patchLine: reader.at + 1,
    oldName: undefined,
    newName: undefined,
    git: false,
    renamed: false,
    added: false,
    deleted: false,
    binary: false,
    hunks: [],
  };
}

function plainFile(reader: Reader): FilePatch {
  const file = emptyFile(reader);
  readNames(reader, file);
  readHunks(reader, file);
  // GNU diff without -N names the missing side by a time at the epoch; the counts of its only hunk say the same.
  const only = file.hunks.length === 1 ? file.hunks[0] : undefined;
  file.added = file.oldName === undefined || (only?.oldLines === 0 && only.oldStart === 0);
  file.deleted = file.newName === undefined || (only?.newLines === 0 && only.newStart === 0);
  return file;
}

function gitFile(reader: Reader): FilePatch {
  const file = emptyFile(reader);
  const { name, lines } = reader;
  file.git = true;
  const names = parseGitNames((lines[reader.at] ?? '').slice('diff --git '.length));
  file.oldName = names?.oldName;
  file.newName = names?.newName;
  const header = reader.at++;
  for (; reader.at < lines.length; reader.at++) {
    const line = lines[reader.at] ?? '';
    if (/^(old mode|new mode|similarity index|dissimilarity index|index) /.test(line)) continue;
    if (line.startsWith('new file mode ')) file.added = true;
    else if (line.startsWith('deleted file mode ')) file.deleted = true;
    else if (/^(rename|copy) from /.test(line)) file.oldName = unprefixed(line, file);
    else if (/^(rename|copy) to /.test(line)) file.newName = unprefixed(line, file);
    else break;
  }
  const line = lines[reader.at] ?? '';
  if (line === 'GIT binary patch' || /^Binary files .* differ$/.test(line)) {
    file.binary = true;
    reader.at++;
  } else if (isPlainHeader(lines, reader.at)) {
    const { added, deleted } = file;
    readNames(reader, file);
    readHunks(reader, file);
    file.added = added || file.oldName === undefined;
    file.deleted = deleted || file.newName === undefined;
  }
  if (file.added) file.oldName = undefined;
  if (file.deleted) file.newName = undefined;
  if (file.oldName === undefined && file.newName === undefined) {
    throw notAPatch(name, header, 'the names of the file cannot be read from its `diff --git` line');
  }
  return file;
}

/** `rename from X` names X without a prefix, unlike all other headers; it gets one so that all are alike. */
function unprefixed(line: string, file: FilePatch): string {
  file.renamed = true;
  return `a/${unquoteName(line.replace(/^(rename|copy) (from|to) /, ''))}`;
}

function readNames(reader: Reader, file: FilePatch): void {
  file.oldName = file.renamed ? file.oldName : parseName((reader.lines[reader.at] ?? '').slice(4));
  file.newName = file.renamed ? file.newName : parseName((reader.lines[reader.at + 1] ?? '').slice(4));
  reader.at += 2;
}

function readHunks(reader: Reader, file: FilePatch): void {
  while ((reader.lines[reader.at] ?? '').startsWith('@@ -')) file.hunks.push(readHunk(reader));
  refuseSurplus(reader);
}

function readHunk(reader: Reader): Hunk {
  const { name, lines } = reader;
  const start = reader.at;
  const header = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)/.exec(lines[start] ?? '');
  if (!header) throw notAPatch(name, start, 'a hunk header that is not `@@ -line,count +line,count @@`');
  const [oldStart, newStart] = [Number(header[1]), Number(header[3])];
  const [oldLines, newLines] = [Number(header[2] ?? 1), Number(header[4] ?? 1)];
  const heading = header[5] ?? '';
  const hunk: Hunk = { oldStart, oldLines, newStart, newLines, heading, lines: [], patchLine: start + 1 };
  let [oldLeft, newLeft] = [oldLines, newLines];
  reader.at++;
  while (oldLeft > 0 || newLeft > 0) {
    const line = lines[reader.at];
    // Mail programs strip the single space of an empty context line; git and GNU patch accept that, too.
    const kind = line === '' ? ' ' : line?.[0];
    const fits =
      kind === ' ' ? oldLeft > 0 && newLeft > 0 : kind === '-' ? oldLeft > 0 : kind === '+' && newLeft > 0;
    if (line === undefined || !fits) {
      const missing = `${oldLeft} old and ${newLeft} new lines are missing`;
      const why =
        line === undefined
          ? 'the patch ends inside this hunk'
          : `line ${reader.at + 1} does not belong to it`;
      throw notAPatch(
        name,
        start,
        `a hunk that does not hold what its header announces: ${why} (${missing})`,
      );
    }
    if (kind === '+' && line.includes('\uFFFD')) throw notUtf8(name, reader.at);
    if (kind !== '+') oldLeft--;
    if (kind !== '-') newLeft--;
    hunk.lines.push({ kind: kind as ' ' | '-' | '+', text: `${line.slice(1)}\n`, patchLine: reader.at + 1 });
    reader.at++;
    if ((lines[reader.at] ?? '').startsWith('\\ ')) cutNewline(reader, hunk, { oldLeft, newLeft });
  }
  if (hunk.lines.every((line) => line.kind === ' '))
    throw notAPatch(name, start, 'a hunk that changes nothing');
  return hunk;
}

/** `\ No newline at end of file` speaks of the line before it, which must be the last of its side. */
function cutNewline(reader: Reader, hunk: Hunk, left: { oldLeft: number; newLeft: number }): void {
  const last = hunk.lines.at(-1);
  if (!last) throw notAPatch(reader.name, reader.at, '`\\ No newline` without a line before it');
  if ((last.kind !== '+' && left.oldLeft > 0) || (last.kind !== '-' && left.newLeft > 0)) {
    throw notAPatch(reader.name, reader.at, '`\\ No newline at end of file` in the middle of a file');
  }
  last.text = last.text.slice(0, -1);
  reader.at++;
}

/** Lines that look like more of a hunk than its header announces must not be lost silently. */
function refuseSurplus(reader: Reader): void {
  for (let at = reader.at; at < reader.lines.length; at++) {
    const line = reader.lines[at] ?? '';
    if (line === '-- ' || line === '--' || isPlainHeader(reader.lines, at)) return;
    if (/^[+-]/.test(line)) {
      throw notAPatch(
        reader.name,
        at,
        'a changed line after the end of a hunk: its header announces fewer lines',
      );
    }
    if (line !== '' && !line.startsWith(' ')) return;
  }
}

function whyNoPatch(lines: string[]): string {
  if (lines.some((line) => line.startsWith('*** ')) && lines.includes('***************')) {
    return 'a context diff; make a unified one (diff -u)';
  }
  if (lines.some((line) => /^[ \t>]+(diff --git|@@ -\d)/.test(line))) {
    return 'its lines are indented or quoted; save the patch as it was sent';
  }
  if (lines.some((line) => /^[<>] /.test(line)))
    return 'a diff without context; make a unified one (diff -u)';
  return 'it has no `diff --git` line and no `---`/`+++` lines with a hunk below them';
}

/** Reading a file as UTF-8 leaves U+FFFD where bytes were none; what they were is lost by then. */
function notUtf8(name: string, at: number): KlpError {
  return new KlpError(
    'patch-not-utf8',
    `${name} adds a line that is not UTF-8, or holds the character U+FFFD, which stands for such bytes`,
    { file: name, line: at + 1 },
  );
}

function notAPatch(name: string, at: number | undefined, why: string, advice?: string): KlpError {
  const place = at === undefined ? { file: name } : { file: name, line: at + 1 };
  return new KlpError('not-a-patch', `${name} cannot be read as a patch: ${why}`, {
    ...place,
    ...(advice === undefined ? {} : { advice }),
  });
}

import { createHash } from 'node:crypto';
import { candidatePaths } from '../engine/patch/names.js';
import { parsePatch } from '../engine/patch/parse.js';
import { KlpError } from '../shared/errors.js';
import { asciiName } from '../shared/names.js';
import type { FilePart, SurveyItem } from './types.js';

/**
 * A patch, file by file. The first part begins where the patch does: what stands before belongs to no file.
 * @throws KlpError `not-a-patch`, `patch-too-large`, `patch-path-escapes`
 */
export function splitFiles(name: string, text: string): FilePart[] {
  const files = parsePatch(name, text);
  if (files.length === 0) throw new KlpError('not-a-patch', `${name}: the file is empty`);
  const lines = text.split(/(?<=\n)/);
  return files.map((file, i) => ({
    path: candidatePaths(file)[0] ?? '',
    text: lines.slice(file.patchLine - 1, (files[i + 1]?.patchLine ?? Infinity) - 1).join(''),
    added: file.added,
  }));
}

/** One mail of an mbox, or a patch file that is no mail. */
export interface Mail {
  /** The subject without `[PATCH]`, after the commit's short id where the mail names one; undefined when it has none. */
  title: string | undefined;
  text: string;
}

/**
 * The mails of an mbox file; a file that is none is one mail. A line that begins a mail cannot stand in a diff, whose
 * lines all have a marker before them.
 */
export function splitMails(text: string): Mail[] {
  const starts = [...text.matchAll(/^From \S+ .*\d\d:\d\d:\d\d.* \d{4}\r?$/gm)].map((match) => match.index);
  if (starts.length === 0) return [{ title: titleOf(text), text }];
  return starts
    .map((start, i) => text.slice(start, starts[i + 1]))
    .map((mail) => ({ title: titleOf(mail), text: mail }));
}

function titleOf(mail: string): string | undefined {
  const head = mail.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const subject = /^Subject: *((?:.*)(?:\r?\n[ \t]+.*)*)/m.exec(head)?.[1];
  if (subject === undefined) return undefined;
  const plain = decodeWords(subject.replace(/\s+/g, ' '))
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/^(?:\[[^\]]*\] *)+/, '')
    .trim();
  const commit = /^From ([0-9a-f]{12})[0-9a-f]{28} /.exec(mail)?.[1];
  return commit === undefined || /^0+$/.test(commit) ? plain : `${commit} ${plain}`;
}

/** The words of a mail's header that are encoded because they are not ASCII (RFC 2047), as text; of UTF-8 alone. */
function decodeWords(header: string): string {
  const bytes = (code: string, text: string): Buffer =>
    code.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => latin(hex)),
          'latin1',
        );
  const latin = (hex: string): string => String.fromCharCode(parseInt(hex, 16));
  // A character may be cut in two between two words, and the space between them is none.
  return header.replace(/(?:=\?utf-8\?[bq]\?[^? ]*\?= ?)+/gi, (words) => {
    const parts = [...words.matchAll(/\?([bq])\?([^? ]*)\?=/gi)];
    const text = Buffer.concat(parts.map(([, code = '', part = '']) => bytes(code, part))).toString('utf8');
    return words.endsWith(' ') ? `${text} ` : text;
  });
}

/** Longest id of an item: its livepatch's name has to fit into the name of a module. */
const longestId = 40;

/** Gives items their ids: the name as a file's, with a hash of it where it had to be cut or two would be alike. */
export function withIds(items: readonly Omit<SurveyItem, 'id'>[]): SurveyItem[] {
  const plain = items.map(({ name }) =>
    asciiName(name)
      .replace(/[^A-Za-z0-9_]+/g, '-')
      .replace(/^-+|-+$/g, ''),
  );
  const uses = new Map<string, number>();
  for (const id of plain) uses.set(id.toLowerCase(), (uses.get(id.toLowerCase()) ?? 0) + 1);
  return items.map((item, i) => {
    const id = plain[i] ?? '';
    if (id !== '' && id.length <= longestId && uses.get(id.toLowerCase()) === 1) return { ...item, id };
    const hash = createHash('sha256').update(item.name).digest('hex').slice(0, 8);
    return { ...item, id: `${id.slice(0, longestId - 9)}-${hash}`.replace(/^-|-(?=-)/g, '') };
  });
}

/** Names that occur more than once get a number, in the order in which they come. */
export function withUniqueNames<T extends { name: string }>(items: readonly T[]): T[] {
  const seen = new Map<string, number>();
  return items.map((item) => {
    const count = (seen.get(item.name) ?? 0) + 1;
    seen.set(item.name, count);
    return count === 1 ? item : { ...item, name: `${item.name} (${count})` };
  });
}

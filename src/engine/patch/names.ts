import { KlpError } from '../../shared/errors.js';
import type { FilePatch } from './parse.js';

/** A file name from a `---` or `+++` line: without the time behind it, undefined for /dev/null. */
export function parseName(text: string): string | undefined {
  const name = text.startsWith('"') ? unquoteName(text) : (text.split('\t')[0] ?? '').trimEnd();
  // Without a tab, GNU diff's time follows the name after white space.
  const bare = name.replace(/\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?$/, '');
  return bare === '/dev/null' ? undefined : bare;
}

/** Undoes git's C-style quoting of unusual names; other names are returned as they are. */
export function unquoteName(text: string): string {
  if (!text.startsWith('"')) return text;
  const end = closingQuote(text);
  const letters: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  const bytes: number[] = [];
  for (const [part, octal, letter] of text.slice(1, end).matchAll(/\\([0-7]{3})|\\(.)|[^\\]/gsu)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(...(letters[letter] ? [letters[letter]] : Buffer.from(letter)));
    else bytes.push(...Buffer.from(part));
  }
  return Buffer.from(bytes).toString('utf8');
}

function closingQuote(text: string): number {
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}

/** Both names of a `diff --git` line, undefined when they cannot be told apart. */
export function parseGitNames(text: string): { oldName: string; newName: string } | undefined {
  if (text.startsWith('"')) {
    const end = closingQuote(text) + 1;
    return { oldName: unquoteName(text.slice(0, end)), newName: unquoteName(text.slice(end).trim()) };
  }
  const words = text.split(' ');
  if (words.length === 2) return { oldName: words[0] ?? '', newName: words[1] ?? '' };
  // A name with blanks: unless renamed, which has headers of its own, both halves are the same behind the prefix.
  const half = (text.length - 1) / 2;
  const [oldName, newName] = [text.slice(0, half), text.slice(half + 1)];
  const same = oldName.slice(oldName.indexOf('/')) === newName.slice(newName.indexOf('/'));
  return text[half] === ' ' && same ? { oldName, newName } : undefined;
}

/**
 * The paths, relative to the kernel tree, that a name in a patch may stand for; best first. The first folder is
 * `a/` or `b/`, another copy of the tree, or (`-p0`) a part of the path.
 * @throws KlpError `patch-path-escapes`
 */
export function candidatePaths(file: FilePatch): string[] {
  const names = [file.newName, file.oldName].filter((name) => name !== undefined);
  for (const name of names) checkName(file, name);
  // `diff -r linux.orig/. linux/.` writes `linux/./fs/file.c`: the same file has to have the same path.
  const segments = names.map((name) => name.split('/').filter((part) => part !== '' && part !== '.'));
  const plain = segments.map((parts) => parts.join('/'));
  const stripped = segments.map((parts) => parts.slice(parts.length > 1 ? 1 : 0).join('/'));
  const prefixed = segments.every(([first, second]) => /^[ab]$/.test(first ?? '') && second !== undefined);
  const firsts = new Set(segments.map(([first]) => first));
  // Two different first folders can only be two copies of the tree (`linux.orig/`, `linux/`, or git's `i/`, `w/`).
  const stripFirst = prefixed || firsts.size > 1;
  const ordered = stripFirst ? stripped : [...plain, ...stripped];
  return [...new Set(ordered)].filter((path) => path !== '');
}

function checkName(file: FilePatch, name: string): void {
  const bad =
    name === '' || name.startsWith('/') || /[\0\n\r\\]/.test(name) || name.split('/').includes('..')
      ? name
      : undefined;
  if (bad === undefined) return;
  throw new KlpError(
    'patch-path-escapes',
    `${file.patch} names a file outside the kernel tree: ${JSON.stringify(bad)}`,
    {
      file: file.patch,
      line: file.patchLine,
    },
  );
}

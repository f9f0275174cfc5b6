import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { KlpError } from '../../shared/errors.js';

/** The global headers of an archive with members inside it, and of a thin one that only names files (ar(5)). */
const magic = { full: '!<arch>\n', thin: '!<thin>\n' };
const headerSize = 60;

/**
 * Absolute paths of the files that a thin archive names, as kernel builds make them (built-in.a, vmlinux.a, lib.a).
 * @throws KlpError `kernel-not-built` when the file is not such an archive
 */
export async function thinArchiveMembers(path: string): Promise<string[]> {
  const bytes = await readFile(path);
  const text = (from: number, to: number): string => bytes.toString('latin1', from, to);
  const damaged = (why: string): KlpError =>
    new KlpError('kernel-not-built', `${path} is not a thin archive of a kernel build: ${why}`, {
      file: path,
    });
  if (text(0, magic.thin.length) !== magic.thin) {
    throw damaged(
      text(0, magic.full.length) === magic.full ? 'its members are inside it' : 'its header differs',
    );
  }
  const members: string[] = [];
  let longNames = '';
  for (let at = magic.thin.length; at < bytes.length;) {
    if (at + headerSize > bytes.length || text(at + 58, at + 60) !== '`\n') throw damaged('it is cut off');
    const name = text(at, at + 16).trimEnd();
    const size = Number(text(at + 48, at + 58));
    if (!Number.isSafeInteger(size) || size < 0) throw damaged('a member has no size');
    at += headerSize;
    if (name === '/' || name === '/SYM64/' || name === '//') {
      // The symbol index and the table of long names are the only data that a thin archive itself holds.
      if (name === '//') longNames = text(at, at + size);
      at += size + (size % 2);
    } else {
      const member = memberName(name, longNames);
      if (member === undefined) throw damaged(`the name of a member is missing (${name})`);
      members.push(resolve(dirname(path), member));
    }
  }
  return members;
}

function memberName(name: string, longNames: string): string | undefined {
  const reference = /^\/(\d+)$/.exec(name)?.[1];
  if (reference === undefined) return name.endsWith('/') ? name.slice(0, -1) : name;
  const from = Number(reference);
  const end = longNames.indexOf('/\n', from);
  return end < 0 ? undefined : longNames.slice(from, end);
}

import { describe, expect, it } from 'vitest';
import { cpioArchive } from '../../../src/verify/cpio.js';
import { readCpio } from '../../helpers/cpio.js';

const file = (path: string, text: string) => ({ type: 'file' as const, path, data: Buffer.from(text) });

describe('cpioArchive', () => {
  it('writes files, links and devices with their modes, whatever their length', () => {
    const records = readCpio(
      cpioArchive([
        { ...file('init', 'abc'), mode: 0o755 },
        file('empty', ''),
        file('four', '1234'),
        { type: 'link', path: 'sh', target: 'busybox' },
        { type: 'char', path: 'console', major: 5, minor: 1 },
      ]),
    );
    expect(records).toEqual([
      { path: 'init', mode: 0o100755, major: 0, minor: 0, data: 'abc' },
      { path: 'empty', mode: 0o100644, major: 0, minor: 0, data: '' },
      { path: 'four', mode: 0o100644, major: 0, minor: 0, data: '1234' },
      { path: 'sh', mode: 0o120777, major: 0, minor: 0, data: 'busybox' },
      { path: 'console', mode: 0o020600, major: 5, minor: 1, data: '' },
    ]);
  });

  it('adds the folders that an entry lies in, once and before it', () => {
    const paths = readCpio(cpioArchive([file('lib/modules/a.ko', 'a'), file('lib/modules/b.ko', 'b')])).map(
      (r) => r.path,
    );
    expect(paths).toEqual(['lib', 'lib/modules', 'lib/modules/a.ko', 'lib/modules/b.ko']);
  });

  it('gives the same bytes for the same input', () => {
    expect(cpioArchive([file('a', 'x')]).equals(cpioArchive([file('a', 'x')]))).toBe(true);
  });

  it.each(['/etc/passwd', '../up', 'a//b', '', 'a/./b', 'TRAILER!!!'])('refuses the path %j', (path) => {
    expect(() => cpioArchive([file(path, 'x')])).toThrow(RangeError);
  });

  it('refuses a path that occurs twice', () => {
    expect(() => cpioArchive([file('a', 'x'), file('a', 'y')])).toThrow(/twice/);
  });
});

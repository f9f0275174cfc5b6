import { describe, expect, it } from 'vitest';
import { lineOf, touchedDefinitions } from '../../../../src/engine/patch/touched.js';
import type { PatchedFile } from '../../../../src/engine/types.js';

const source = `static int table[] = {
	1,
	2,
};

static struct dentry *__dentry_kill(struct dentry *dentry)
{
	first();
out:
	return NULL;
}

static void dentry_unlink_inode(struct dentry * dentry)
	__releases(dentry->d_lock)
{
	second();
}

SYSCALL_DEFINE1(close, unsigned int, fd)
{
	third();
}

static unsigned long limit = 10;
`;

function file(line: number): PatchedFile {
  return {
    path: 'x.c',
    original: '',
    patched: source,
    changed: [{ from: line, to: line, patch: 'p', patchLine: 1 }],
  };
}

describe('touchedDefinitions', () => {
  it.each([
    [3, 'table'],
    [8, '__dentry_kill'],
    [10, '__dentry_kill'],
    [16, 'dentry_unlink_inode'],
    [21, 'sys_close'],
    [24, 'limit'],
  ])('names the definition around line %i', (line, name) => {
    expect(touchedDefinitions(file(line))).toEqual([{ name, line }]);
  });

  it('names nothing between definitions', () => {
    expect(touchedDefinitions(file(12))).toEqual([]);
  });

  it('gives the line of a changed definition', () => {
    expect(lineOf(file(3), 'table')).toBe(3);
    expect(lineOf(file(24), 'limit')).toBe(24);
  });
});

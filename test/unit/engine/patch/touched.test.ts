import { describe, expect, it } from 'vitest';
import {
  filesOf,
  lineOf,
  touchedDefinitions,
  touchedFunctions,
} from '../../../../src/engine/patch/touched.js';
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

#define ONE(x) ((x) + 1)
# define SWAP(a, b)	\\
do {			\\
	swap(a, b);	\\
} while (0)

static int count(void)
{
#define STEP 2
	return STEP;
}
`;

const more = `static int limit __read_mostly = 1;

COMPAT_SYSCALL_DEFINE1(close, unsigned int, fd)
{
	first();
}
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
    [1, ['limit']],
    [2, []],
    [5, ['compat_sys_close']],
  ])('names only what line %i belongs to, and without attributes', (line, names) => {
    const found = touchedDefinitions({ ...file(line), patched: more });
    expect(found.map(({ name }) => name)).toEqual(names);
  });

  it.each([
    [3, 'table', {}],
    [8, '__dentry_kill', { function: true }],
    [10, '__dentry_kill', { function: true }],
    [16, 'dentry_unlink_inode', { function: true }],
    [21, 'sys_close', { function: true }],
    [24, 'limit', {}],
  ])('names the definition around line %i', (line, name, kind) => {
    expect(touchedDefinitions(file(line))).toEqual([{ name, line, ...kind }]);
  });

  it.each([
    [26, 'ONE'],
    [27, 'SWAP'],
    [29, 'SWAP'],
    [30, 'SWAP'],
    [34, 'STEP'],
  ])('names the macro around line %i', (line, name) => {
    expect(touchedDefinitions(file(line))).toEqual([{ name, line, macro: true }]);
  });

  it('looks past a macro inside a function', () => {
    expect(touchedDefinitions(file(35))).toEqual([{ name: 'count', line: 35, function: true }]);
  });

  it('names nothing between definitions', () => {
    expect(touchedDefinitions(file(12))).toEqual([]);
  });

  it('gives the line of a changed definition', () => {
    expect(lineOf(file(3), 'table')).toBe(3);
    expect(lineOf(file(24), 'limit')).toBe(24);
  });
});

describe('touchedFunctions', () => {
  it('gives each function once, and nothing else', () => {
    const files = [file(3), file(8), file(10), file(21), file(26)];
    expect(touchedFunctions(files)).toEqual(['__dentry_kill', 'sys_close']);
  });
});

describe('filesOf', () => {
  it('gives the files of a unit, its own first and headers last', () => {
    const paths = ['include/a.h', 'part.c', 'other.c', 'unit.c'];
    const files = paths.map((path) => ({ ...file(1), path }));
    const unit = {
      source: 'unit.c',
      object: 'unit.o',
      objname: 'vmlinux',
      compile: [],
      cwd: '/',
      dependencies: ['part.c', 'include/a.h'],
    };
    expect(filesOf(unit, files).map((f) => f.path)).toEqual(['unit.c', 'part.c', 'include/a.h']);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readGitRange, readItems, readPatchFiles } from '../../../src/survey/input.js';

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'klp-input-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const signal = new AbortController().signal;
const patch = (path: string): string => `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-old\n+new\n`;

describe('a range of commits', () => {
  const git = (...args: string[]): void => {
    const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...who, '-C', dir, ...args], { stdio: 'ignore' });
  };
  const commit = async (path: string, text: string, message: string): Promise<void> => {
    await writeFile(join(dir, path), text);
    git('add', '.');
    git('commit', '-m', message);
  };

  beforeEach(async () => {
    git('init', '-q');
    await commit('a.c', 'one\n', 'first');
    git('tag', 'v1');
    await commit('a.c', 'two\n', 'a: fix it');
    await commit('b.c', 'new\n', 'From here on: b');
    git('tag', 'v2');
  });

  it('is one patch a commit, oldest first', async () => {
    const { items } = readItems('v1..v2', await readGitRange(dir, 'v1..v2', signal), true, []);
    expect(items.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^[0-9a-f]{12} a: fix it$/),
      expect.stringMatching(/^[0-9a-f]{12} From here on: b$/),
    ]);
    expect(items.map(({ parts }) => parts.map(({ path }) => path))).toEqual([['a.c'], ['b.c']]);
  });

  it('that is empty has no patch', async () => {
    expect(await readGitRange(dir, 'v2..v2', signal)).toEqual([]);
  });

  it.each(['v1', '--output=x..y', 'v1..nowhere'])('%s is refused', async (range) => {
    await expect(readGitRange(dir, range, signal)).rejects.toMatchObject({ code: 'git-range-unusable' });
  });
});

describe('a folder of patches', () => {
  it('is read by name, without other files and folders', async () => {
    await mkdir(join(dir, 'more.patch'));
    for (const name of ['0002-b.patch', '0001-a.diff', 'notes.txt'])
      await writeFile(join(dir, name), patch('x.c'));
    expect((await readPatchFiles([dir])).map(({ name }) => name)).toEqual(['0001-a.diff', '0002-b.patch']);
  });

  it('is read in the order of its series', async () => {
    await mkdir(join(dir, 'net'));
    for (const name of ['a.patch', 'b', 'c.patch', 'net/d.patch'])
      await writeFile(join(dir, name), patch('x.c'));
    await writeFile(join(dir, 'series'), '# ours\nb -p1 # first\n\nnet/d.patch\r\na.patch\n');
    expect((await readPatchFiles([dir])).map(({ name }) => name)).toEqual(['b', 'd.patch', 'a.patch']);
  });

  it.each(['gone.patch', 'a.patch -R', '../outside.patch', 'net'])(
    'does not leave out what its series lists: %s',
    async (entry) => {
      await mkdir(join(dir, 'in', 'net'), { recursive: true });
      for (const name of ['outside.patch', 'in/a.patch']) await writeFile(join(dir, name), patch('x.c'));
      await writeFile(join(dir, 'in', 'series'), `a.patch\n${entry}\n`);
      await expect(readPatchFiles([join(dir, 'in')])).rejects.toMatchObject({
        code: 'input-not-found',
        message: expect.stringContaining(entry) as string,
      });
    },
  );

  it('may hold links to patches', async () => {
    await mkdir(join(dir, 'links'));
    await writeFile(join(dir, 'a'), patch('x.c'));
    await symlink(join(dir, 'a'), join(dir, 'links', 'a.patch'));
    expect((await readPatchFiles([join(dir, 'links')])).map(({ name }) => name)).toEqual(['a.patch']);
  });

  it('that is not there is said so', async () => {
    await expect(readPatchFiles([join(dir, 'no')])).rejects.toMatchObject({ code: 'input-not-found' });
  });
});

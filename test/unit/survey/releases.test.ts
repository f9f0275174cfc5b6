import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext, type ControllerContext } from '../../../src/controller/context.js';
import { readReleases } from '../../../src/survey/releases.js';
import { splitFiles } from '../../../src/survey/split.js';

let dir: string;
let context: ControllerContext;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  context = controllerContext(
    { progress: () => undefined, timings: {} },
    { KLP_DOCKER_CACHE: join(dir, 'cache') },
  );
  for (const side of ['a', 'b']) {
    await mkdir(join(dir, side, 'fs'), { recursive: true });
    await writeFile(join(dir, side, 'Makefile'), '');
  }
});
afterEach(() => rm(dir, { recursive: true }));

describe('readReleases', () => {
  it('has a change of its own for each symbolic link that differs, and all others', async () => {
    await writeFile(join(dir, 'a/fs/x.c'), 'old\n');
    await writeFile(join(dir, 'b/fs/x.c'), 'new\n');
    await symlink('x.c', join(dir, 'a/fs/gone.c'));
    await symlink('x.c', join(dir, 'b/fs/added.c'));
    await symlink('one', join(dir, 'a/fs/other'));
    await symlink('two', join(dir, 'b/fs/other'));
    await symlink('x.c', join(dir, 'a/fs/turns.c'));
    await writeFile(join(dir, 'b/fs/turns.c'), 'now a file\n');
    const { patches } = await readReleases(join(dir, 'a'), join(dir, 'b'), context);
    const parts = patches.map(({ name, text }) => splitFiles(name, text));
    expect(parts.every(({ length }) => length === 1)).toBe(true);
    expect(parts.flat().map(({ path, added }) => [path, added])).toEqual([
      ['fs/x.c', false],
      ['fs/added.c', true],
      ['fs/gone.c', false],
      ['fs/other', false],
      ['fs/turns.c', false],
    ]);
    expect(patches.find(({ name }) => name === 'fs/other')?.text).toContain('\n-one\n');
  });
});

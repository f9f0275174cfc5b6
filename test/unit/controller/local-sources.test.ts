import {
  cp,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext, type ControllerContext } from '../../../src/controller/context.js';
import { parseSource, resolveSource } from '../../../src/controller/sources.js';
import { run } from '../../../src/shared/run.js';

const toy = join(import.meta.dirname, '../../fixtures/toy-source');

let dir: string;
let tree: string;
let context: ControllerContext;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  tree = join(dir, 'linux-6.98.7');
  await cp(toy, tree, { recursive: true });
  context = controllerContext(
    { progress: () => undefined, timings: {} },
    { KLP_DOCKER_CACHE: join(dir, 'cache') },
  );
});
afterEach(() => rm(dir, { recursive: true }));

const resolve = (kernel: string, source: string) => resolveSource(kernel, parseSource(source), context);
const names = async (archive: string): Promise<string[]> =>
  (await run(['tar', '-tf', archive])).stdout.split('\n').sort();

describe('a source on this machine', () => {
  it.each(['.tar', '.tar.gz', '.tar.xz'])('may be a %s archive, and is taken as it is', async (suffix) => {
    const archive = join(dir, `mine${suffix}`);
    await run(['tar', '-caf', archive, '-C', dir, 'linux-6.98.7']);
    const source = await resolve('6.98', archive);
    expect(source).toMatchObject({ version: '6.98.7', origin: archive, contextName: `source${suffix}` });
    expect(await source.fetch()).toBe(archive);
  });

  it('that is an archive of something else is refused', async () => {
    const archive = join(dir, 'other.tar');
    await writeFile(join(dir, 'Makefile'), 'all:\n');
    await run(['tar', '-cf', archive, '-C', dir, 'Makefile']);
    await expect(resolve('6.98', archive)).rejects.toMatchObject({ code: 'source-unusable', kind: 'usage' });
    const text = join(dir, 'notes.txt');
    await writeFile(text, 'no archive');
    await expect(resolve('6.98', text)).rejects.toMatchObject({ code: 'source-invalid' });
  });

  it('that is an archive cut short is refused, before it is built from at the latest', async () => {
    const archive = join(dir, 'cut.tar');
    await writeFile(join(tree, 'large'), 'x'.repeat(30_000));
    // The Makefile comes first here, and what is missing much later.
    await run(['tar', '-cf', archive, '-C', dir, 'linux-6.98.7/Makefile', 'linux-6.98.7/large']);
    await truncate(archive, (await stat(archive)).size - 12_000);
    const source = await resolve('6.98.7', archive);
    await expect(source.fetch()).rejects.toMatchObject({
      code: 'source-unusable',
      message: expect.stringContaining('to its end') as string,
    });
    const broken = join(dir, 'broken.tar.xz');
    await run(['tar', '-cJf', broken, '-C', dir, 'linux-6.98.7/large', 'linux-6.98.7/Makefile']);
    await truncate(broken, 150);
    await expect(resolve('6.98.7', broken)).rejects.toMatchObject({
      code: 'source-unusable',
      message: expect.stringContaining('cannot be unpacked') as string,
    });
  });

  it('may be a release candidate, which is asked for by its whole name', async () => {
    const makefile = join(tree, 'Makefile');
    const text = await readFile(makefile, 'utf8');
    await writeFile(makefile, text.replace(/^SUBLEVEL =.*$/m, 'SUBLEVEL = 0\nEXTRAVERSION = -rc2'));
    await expect(resolve('6.98-rc2', tree)).resolves.toMatchObject({ version: '6.98-rc2' });
    await expect(resolve('6.98', tree)).rejects.toMatchObject({ code: 'source-version-differs' });
  });

  it('may be a folder; the same content gives the same checksum, whenever and wherever', async () => {
    const first = await resolve('6.98.7', tree);
    expect(first).toMatchObject({ version: '6.98.7', origin: tree, contextName: 'source.tar' });
    expect(await names(await first.fetch())).toContain('linux/Makefile');
    const copy = join(dir, 'copy');
    await cp(tree, copy, { recursive: true });
    await utimes(join(copy, 'Makefile'), 1, 1);
    expect((await resolve('6.98.7', copy)).sha256).toBe(first.sha256);
    await writeFile(join(copy, 'Kbuild'), '# changed\n');
    expect((await resolve('6.98.7', copy)).sha256).not.toBe(first.sha256);
  });

  it('goes in without what a build or git left in the folder', async () => {
    await mkdir(join(tree, 'certs'));
    await mkdir(join(tree, 'include/generated'), { recursive: true });
    const left = ['.config', 'certs/signing_key.pem', 'include/generated/autoconf.h', 'Module.symvers'];
    for (const name of ['vmlinux', 'a.o', '.a.o.cmd', ...left]) await writeFile(join(tree, name), '');
    await run(['git', 'init', '--quiet', tree]);
    const found = await names(await (await resolve('6.98.7', tree)).fetch());
    expect(found.filter((name) => /vmlinux|\.o$|\.cmd$|\.git/.test(name))).toEqual([]);
    expect(left.filter((name) => found.includes(`linux/${name}`))).toEqual([]);
    expect(found).toContain('linux/Kbuild');
  });

  it('goes in with its links as they are', async () => {
    const links = { 'include/up': '../Makefile', 'scripts/here': './kconfig', hidden: '.hidden' };
    for (const [name, target] of Object.entries(links)) {
      await mkdir(dirname(join(tree, name)), { recursive: true });
      await symlink(target, join(tree, name));
    }
    await link(join(tree, 'Kbuild'), join(tree, 'Kbuild.second'));
    await run(['tar', '-xf', await (await resolve('6.98.7', tree)).fetch(), '-C', dir]);
    for (const [name, target] of Object.entries(links)) {
      expect(await readlink(join(dir, 'linux', name))).toBe(target);
    }
    expect(await readFile(join(dir, 'linux/Kbuild.second'))).toEqual(await readFile(join(tree, 'Kbuild')));
  });

  it('may be a tag of a git repository', async () => {
    const git = (...args: string[]) =>
      run(['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', '-C', tree, ...args]);
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'first');
    await git('tag', 'v6.98.7');
    const source = await resolve('6.98.7', `git+file://${tree}#v6.98.7`);
    expect(source).toMatchObject({ version: '6.98.7', origin: `git+file://${tree}#v6.98.7` });
    expect(await names(await source.fetch())).toContain('linux/scripts/kconfig/Makefile');
    await expect(resolve('6.98.7', `git+file://${tree}#v1`)).rejects.toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining('v1') as string,
    });
  });

  it('of another version is refused before any work', async () => {
    await expect(resolve('6.98.8', tree)).rejects.toMatchObject({
      code: 'source-version-differs',
      message: expect.stringContaining('6.98.7') as string,
    });
  });
});

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resultSchema } from '../../../src/shared/result.js';
import { callCli } from '../../helpers/cli.js';
import { moduleFile } from '../../helpers/module-file.js';

let dir: string;
let patch: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-args-test-'));
  patch = join(dir, 'a.patch');
  await writeFile(patch, 'x');
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** No engine can be reached: whatever ends with another code was found before one was asked for. */
const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock', HOME: '/nowhere' };
const kernel = ['--kernel', '6.12.107', '--arch', 'x86_64'];

async function findingsOf(
  args: string[],
): Promise<{ exitCode: number | null; code: string; message: string }> {
  const ran = await callCli([...args, '--json'], env);
  const document = resultSchema.parse(JSON.parse(ran.stdout));
  const last = document.findings.at(-1);
  return { exitCode: ran.exitCode, code: last?.code ?? '', message: last?.message ?? '' };
}

describe('generate looks at its input before it asks for an engine', () => {
  it.each([
    [['/no/such.patch'], 'input-not-found', '/no/such.patch'],
    [[tmpdir()], 'input-not-a-file', 'folder'],
    [['PATCH', '--callbacks', '/no/callbacks.c'], 'input-not-found', '/no/callbacks.c'],
    [['PATCH', '--verify', '--test', '/no/test.sh'], 'input-not-found', '/no/test.sh'],
    [['PATCH', '--test', 'PATCH'], 'usage', '--verify'],
    [['PATCH', '--name', '../evil'], 'usage', '--name'],
    [['PATCH', '--timeout', 'soon'], 'usage', 'soon'],
    [['PATCH', '--module-load', 'sideways'], 'usage', 'sideways'],
    [['PATCH', '--llvm', 'new'], 'usage', 'new'],
    [['PATCH', '--arch', 'z80'], 'unknown-arch', 'z80'],
    [['PATCH', '--kernel', 'latest'], 'kernel-version-invalid', 'latest'],
    [['PATCH', '--source', 'ftp://x'], 'source-invalid', 'ftp'],
  ])('%j: %s', async (args, code, says) => {
    const found = await findingsOf([
      'generate',
      ...kernel,
      ...args.map((arg) => (arg === 'PATCH' ? patch : arg)),
    ]);
    expect(found).toMatchObject({ exitCode: 2, code });
    expect(found.message).toContain(says);
  });

  it('refuses a kernel that cannot be livepatched', async () => {
    const found = await findingsOf(['generate', patch, '--arch', 'x86_64', '--kernel', '2.4']);
    expect(found).toMatchObject({ exitCode: 3, code: 'kernel-too-old' });
  });

  it('refuses to write where it cannot', async () => {
    const found = await findingsOf(['generate', patch, ...kernel, '-o', '/proc/no/such']);
    expect(found).toMatchObject({ exitCode: 5, code: 'output-not-writable' });
  });

  it('refuses a --debug-dir that is a file, before anything is started', async () => {
    const found = await findingsOf([
      'generate',
      patch,
      ...kernel,
      '-o',
      join(dir, 'out'),
      '--debug-dir',
      patch,
    ]);
    expect(found).toMatchObject({ exitCode: 5, code: 'output-not-writable' });
    expect(found.message).toContain(patch);
    expect(await readdir(dir)).toEqual(['a.patch']);
  });

  it('needs a patch and a kernel', async () => {
    expect((await callCli(['generate', ...kernel], env)).stderr).toContain("'patch'");
    expect((await callCli(['generate', patch], env)).stderr).toContain('--kernel');
  });
});

describe('generate --kernel-tree', () => {
  it('needs no engine, and says what a folder lacks that is no built kernel', async () => {
    const found = await findingsOf(['generate', patch, '--kernel-tree', dir, '-o', join(dir, 'out')]);
    expect(found).toMatchObject({ exitCode: 2, code: 'kernel-not-built' });
    expect(found.message).toContain('vmlinux');
    expect(await readdir(dir)).toEqual(['a.patch']);
  });

  it('is looked at by verify before anything else', async () => {
    const found = await findingsOf(['verify', '--selftests', '--kernel-tree', dir]);
    expect(found).toMatchObject({ exitCode: 2, code: 'kernel-not-built' });
    expect(await findingsOf(['verify', '--selftests'])).toMatchObject({ exitCode: 2, code: 'usage' });
  });

  it.each([
    ['--kernel', '6.12'],
    ['--llvm', '19'],
    ['--source', 'debian'],
  ])('cannot go together with %s', async (...more) => {
    const found = await findingsOf(['generate', patch, '--kernel-tree', dir, ...more]);
    expect(found).toMatchObject({ exitCode: 2, code: 'usage' });
  });
});

describe('an engine that cannot be reached', () => {
  it.each([
    [['build', ...kernel]],
    [['images']],
    [['shell', ...kernel]],
    [['verify', '--selftests', ...kernel, '-o', 'OUT']],
    [['generate', 'PATCH', ...kernel, '-o', 'OUT']],
  ])('ends %j with 5', async (args) => {
    const full = args.map((arg) => (arg === 'PATCH' ? patch : arg === 'OUT' ? join(dir, 'out') : arg));
    const found = await findingsOf(full);
    expect(found).toMatchObject({ exitCode: 5, code: 'docker-not-reachable' });
    expect(await readdir(dir)).not.toContain('out.tmp');
  });
});

describe('verify', () => {
  it.each([
    [[], 'usage', 'nothing to verify'],
    [['/no/such.tgz'], 'input-not-found', '/no/such.tgz'],
    [['--selftests', '--test', 'PATCH'], 'usage', '--test'],
    [['PATCH'], 'package-unusable', 'a.patch'],
  ])('%j: %s', async (args, code, says) => {
    const found = await findingsOf([
      'verify',
      ...kernel,
      ...args.map((arg) => (arg === 'PATCH' ? patch : arg)),
    ]);
    expect(found).toMatchObject({ exitCode: 2, code });
    expect(found.message).toContain(says);
  });

  it('refuses a livepatch for another architecture before it asks for an engine', async () => {
    const module = join(dir, 'x.ko');
    await writeFile(module, moduleFile(['livepatch=Y', 'name=x', 'vermagic=6.12.107 SMP']));
    const found = await findingsOf(['verify', module, '--kernel', '6.12.107', '--arch', 'arm64']);
    expect(found).toMatchObject({ exitCode: 3, code: 'kernel-arch-differs' });
    expect(found.message).toContain('x.ko is for x86_64');
  });
});

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { resultSchema, type ResultDocument } from '../../src/shared/result.js';
import { spawnCli, startCli, textOf } from '../helpers/cli.js';
import { pinned } from '../setup/engine.js';

const kernel = ['--kernel', pinned.kernel, '--arch', pinned.arch];
const example = 'examples/proc-meminfo/proc-meminfo.patch';

let docker: Docker;
let dir: string;
let out: string;

beforeAll(async () => {
  docker = await connectEngine({ env: process.env });
});

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-cli-it-'));
  out = join(dir, 'out');
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function document(args: string[]): Promise<{ exitCode: number | null; result: ResultDocument }> {
  const { exitCode, stdout } = await spawnCli([...args, '--json']);
  return { exitCode, result: resultSchema.parse(JSON.parse(stdout)) };
}

async function patchFile(text: string): Promise<string> {
  const path = join(dir, 'fix.patch');
  await writeFile(path, text);
  return path;
}

/** A patch of the first lines of fs/proc/meminfo.c, which hold includes. */
function atTop(...added: string[]): string {
  return [
    '--- a/fs/proc/meminfo.c',
    '+++ b/fs/proc/meminfo.c',
    `@@ -1,3 +1,${3 + added.length} @@`,
    ' // SPDX-License-Identifier: GPL-2.0',
    ' #include <linux/fs.h>',
    ...added.map((line) => `+${line}`),
    ' #include <linux/init.h>',
    '',
  ].join('\n');
}

/** Containers of jobs that this engine holds. */
async function jobContainers(): Promise<string[]> {
  const all = await docker.listContainers({ all: true, filters: { label: ['io.klp-docker.job'] } });
  return all.map((container) => container.Labels['io.klp-docker.job'] ?? '');
}

describe('build', () => {
  it('finds the image that is there', async () => {
    const { exitCode, result } = await document(['build', ...kernel]);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      status: 'built',
      kernel: { release: pinned.kernel, arch: 'x86_64' },
      image: { origin: 'present', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string },
    });
  });

  it('is what `images` lists', async () => {
    const { result } = await document(['images']);
    expect(result.images).toContainEqual(expect.objectContaining({ kernel: pinned.kernel, arch: 'x86_64' }));
  });
});

describe('doctor', () => {
  it('finds a machine that can run these tests ready', async () => {
    const { exitCode, result } = await document(['doctor']);
    expect(result.findings).toEqual([]);
    expect(exitCode).toBe(0);
    expect(result.checks?.find((check) => check.name === 'docker engine')?.ok).toBe(true);
  });
});

describe('shell', () => {
  it('runs a command in the image and passes on what it prints', async () => {
    const ran = await spawnCli([
      'shell',
      ...kernel,
      '--',
      'sh',
      '-c',
      'cat /usr/src/linux/include/config/kernel.release',
    ]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `${pinned.kernel}\n` });
    const failed = await spawnCli(['shell', ...kernel, '--quiet', '--', 'sh', '-c', 'echo no >&2; exit 42']);
    expect(failed).toEqual({ exitCode: 42, stdout: '', stderr: 'no\n' });
    const told = await spawnCli(['shell', ...kernel, '--json', '--', 'false']);
    expect(told.exitCode).toBe(1);
    expect(JSON.parse(told.stdout)).toMatchObject({
      status: 'error',
      findings: [{ code: 'shell-command-failed', message: 'false ended with exit code 1' }],
    });
  });

  it('starts in the kernel tree', async () => {
    const ran = await spawnCli(['shell', ...kernel, '--', 'cat', 'include/config/kernel.release']);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `${pinned.kernel}\n` });
  });

  it.each(['nosuch', './nosuch', '/etc/passwd'])('says that %s is no command of the image', async (name) => {
    const { exitCode, stderr } = await spawnCli(['shell', ...kernel, '--', name]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`no such command in the image: ${name}`);
    expect(stderr).not.toContain('docker-modem');
  });
});

/** Says of a store that it is made at once, as the compiler does anyway: other IR, and the same code. */
const storeOnce = `--- a/net/ipv4/tcp_cong.c
+++ b/net/ipv4/tcp_cong.c
@@ -223,5 +223,5 @@
 	if (unlikely(!bpf_try_module_get(ca, ca->owner)))
 		ca = &tcp_reno;
-	icsk->icsk_ca_ops = ca;
+	WRITE_ONCE(icsk->icsk_ca_ops, ca);
 	rcu_read_unlock();
 
`;

describe('generate', () => {
  it.skipIf(process.getuid?.() !== 0)('leaves nothing on a disk that is too small, and says so', async () => {
    const small = join(out, 'small');
    await mkdir(small, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', small]);
    try {
      const { exitCode, stderr } = await spawnCli(['generate', example, ...kernel, '-o', small]);
      expect(exitCode).toBe(5);
      expect(stderr).toContain('no-disk-space');
      expect(stderr).toContain(small);
      expect(await readdir(small)).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('makes a module, its package and a result that describes them', async () => {
    const { exitCode, result } = await document(['generate', example, ...kernel, '-o', out]);
    expect(exitCode).toBe(0);
    expect(result.status).toBe('livepatch');
    expect(result.functions).toContainEqual(
      expect.objectContaining({ object: 'vmlinux', name: 'meminfo_proc_show', why: 'changed' }),
    );
    expect(result.fidelity).toContainEqual(expect.objectContaining({ identical: true }));
    expect(result.artifacts.map((artifact) => artifact.path).sort()).toEqual([
      join(out, 'livepatch-proc-meminfo.ko'),
      join(out, 'livepatch-proc-meminfo.tgz'),
    ]);
    for (const artifact of result.artifacts) {
      const bytes = await readFile(artifact.path);
      expect(bytes.length).toBe(artifact.size);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(artifact.sha256);
    }
  });

  it('tells people what it made, and with --quiet only where', async () => {
    const told = await spawnCli(['generate', example, ...kernel, '-o', out]);
    expect(told.stdout).toContain('meminfo_proc_show');
    expect(told.stderr).toMatch(/^ {2}ok {4}container/m);
    const quiet = await spawnCli(['generate', example, ...kernel, '-o', out, '--quiet']);
    expect(quiet.stdout.trim().split('\n')).toHaveLength(2);
    expect(quiet.stderr).toBe('');
  });

  it.each([
    ['no-effect', 4, atTop('/* a comment alone */')],
    ['same-code', 4, storeOnce],
    ['patch-does-not-apply', 2, atTop('int x;').replace('linux/fs.h', 'linux/of.h')],
    ['not-a-patch', 2, 'This is a letter.\n'],
  ])('%s ends with %i and leaves nothing behind', async (code, exit, text) => {
    const { exitCode, result } = await document(['generate', await patchFile(text), ...kernel, '-o', out]);
    expect(result.findings.map((finding) => finding.code)).toContain(code);
    expect(exitCode).toBe(exit);
    expect(await readdir(dir)).toEqual(['fix.patch']);
  });

  it('shows the compiler’s words, at the patch’s line, for a file that compiles no more', async () => {
    const path = await patchFile(atTop('int broken = ;'));
    const ran = await spawnCli(['generate', path, ...kernel, '-o', out]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('expected expression');
    expect(ran.stderr).toContain('fs/proc/meminfo.c:3');
  });

  it('refuses what cannot be livepatched, with the place and the way out', async () => {
    const patch = 'examples/refused-initialiser/refused-initialiser.patch';
    const { exitCode, result } = await document(['generate', patch, ...kernel, '-o', out]);
    expect(exitCode).toBe(3);
    expect(result.status).toBe('refused');
    expect(result.findings.at(-1)).toMatchObject({
      code: 'data-changed',
      file: 'fs/pipe.c',
      line: 54,
    });
    await expect(stat(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('can run twice at the same time', async () => {
    const runs = await Promise.all(
      ['one', 'two'].map((name) => document(['generate', example, ...kernel, '-o', join(dir, name)])),
    );
    expect(runs.map((run) => run.exitCode)).toEqual([0, 0]);
    const [one, two] = runs.map((run) => run.result.artifacts.find((a) => a.path.endsWith('.ko'))?.sha256);
    expect(one).toBe(two);
  });
});

describe('Ctrl-C', () => {
  it.each([
    ['when the container starts', /engine|kernel/, 1],
    ['while the compiler runs', /ok {4}patch/, 1],
    ['pressed twice', /ok {4}patch/, 2],
  ])('%s: 130, and no container or folder stays', async (_when, moment, times) => {
    const child = startCli(['generate', example, ...kernel, '-o', out], { TMPDIR: dir });
    const { exitCode, stderr } = await textOf(child, moment, () => {
      for (let i = 0; i < times; i++) child.kill('SIGINT');
    });
    expect(stderr).toContain('interrupted');
    expect(exitCode).toBe(130);
    expect(await jobContainers()).not.toContain(String(child.pid));
    expect(await readdir(dir)).toEqual([]);
  });
});

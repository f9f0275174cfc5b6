import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { runConfined } from '../../src/controller/docker/container.js';
import { ensureImage, type Image } from '../../src/controller/images.js';
import { unpackUntrusted } from '../../src/controller/unpack.js';
import { pinned } from '../setup/engine.js';

let docker: Docker;
let image: Image;
let dir: string;
let context: ControllerContext;

beforeAll(async () => {
  const plain = controllerContext({ progress: () => undefined, timings: {} });
  docker = await connectEngine(plain);
  image = await ensureImage(docker, pinned, plain);
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  await mkdir(join(dir, 'out'));
  for (const path of [dir, join(dir, 'out')]) await chmod(path, 0o777);
  context = controllerContext({ progress: () => undefined, timings: {} });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs a shell script in a container as a generation would run, and returns what it printed. */
async function sh(script: string, signal?: AbortSignal, onStdout?: (text: string) => void) {
  let stdout = '';
  const request = {
    image: image.digest,
    argv: ['sh', '-c', script],
    input: dir,
    workDir: '/job',
    memory: 256,
    onStdout: (text: string) => {
      stdout += text;
      onStdout?.(text);
    },
    onStderr: () => undefined,
  };
  return runConfined(docker, request, signal ? { ...context, signal } : context, async (result) => ({
    ...result,
    stdout: stdout.trim(),
  }));
}

async function jobs(): Promise<string[]> {
  const found = await docker.listContainers({
    all: true,
    filters: { label: [`io.klp-docker.job=${process.pid}`] },
  });
  return found.map((container) => container.Id);
}

describe('a container that compiles patches', () => {
  it('has no network, no capabilities, no root', async () => {
    const { stdout } = await sh(
      'id -u; ls /sys/class/net; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status',
    );
    expect(stdout.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual([
      '1000',
      'lo',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
    ]);
  });

  it('can write to its job folder and to nothing of the image', async () => {
    const { stdout } = await sh(
      'for d in / /usr/src/linux /opt/klp-docker /home/klp /var/tmp; do (: >$d/x) 2>/dev/null && echo "wrote $d"; done; : >/job/out/x && echo ok',
    );
    expect(stdout).toBe('ok');
  });

  it('gets files in and gives files out, and nothing of it stays', async () => {
    await writeFile(join(dir, 'in.txt'), 'hello');
    const to = await mkdtemp(join(tmpdir(), 'klp-test-'));
    const before = (await docker.listVolumes()).Volumes.length;
    await runConfined(
      docker,
      {
        image: image.digest,
        argv: ['cp', '/job/in.txt', '/job/out/copy.txt'],
        input: dir,
        workDir: '/job',
        memory: 256,
        onStdout: () => undefined,
        onStderr: () => undefined,
      },
      context,
      async (result) =>
        unpackUntrusted(await result.archiveOf('/job/out'), to, { bytes: 100, files: 9, nested: false }),
    );
    expect(await readFile(join(to, 'copy.txt'), 'utf8')).toBe('hello');
    expect(await jobs()).toEqual([]);
    expect((await docker.listVolumes()).Volumes.length).toBe(before);
    await rm(to, { recursive: true });
  });

  it('reports its exit code', async () => {
    expect(await sh('exit 3')).toMatchObject({ exitCode: 3, outOfMemory: false });
  });

  it('that takes too much memory is stopped, and that is known', async () => {
    const { outOfMemory } = await sh('node -e "const a=[];for(;;)a.push(Buffer.alloc(1<<24,1))"');
    expect(outOfMemory).toBe(true);
  });

  it('is removed when the user stops it', async () => {
    const stop = new AbortController();
    await expect(sh('echo started; sleep 1000', stop.signal, () => stop.abort())).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(await jobs()).toEqual([]);
  });

  it('is removed when the command does not exist', async () => {
    const request = {
      image: image.digest,
      argv: ['/no/such/program'],
      input: dir,
      workDir: '/job',
      memory: 256,
    };
    const quiet = { onStdout: () => undefined, onStderr: () => undefined };
    await expect(
      runConfined(docker, { ...request, ...quiet }, context, async () => 'ran'),
    ).rejects.toMatchObject({
      code: 'docker-failed',
    });
    expect(await jobs()).toEqual([]);
  });
});

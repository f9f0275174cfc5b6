import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { readImageFile } from '../../src/controller/docker/container.js';
import { imagesWithLabel } from '../../src/controller/docker/images.js';
import { ensureImage, listImages, type ImageRequest } from '../../src/controller/images.js';
import type { ProgressEvent } from '../../src/shared/progress.js';

const toy = 'test/fixtures/toy-source';
const signal = new AbortController().signal;

let docker: Docker;
let dir: string;
let source: string;
let events: ProgressEvent[];
let context: ControllerContext;
let request: ImageRequest;

/** The images and containers that this file's toy kernels left with the engine. */
async function toyImages(): Promise<{ ref: string; id: string }[]> {
  const all = await imagesWithLabel(docker, 'io.klp-docker.inputs', signal);
  return all.filter((image) => image.labels['io.klp-docker.kernel']?.startsWith('6.98'));
}
async function removeToyImages(): Promise<void> {
  for (const { ref } of (await toyImages()).reverse()) await docker.getImage(ref).remove({ force: true });
}

async function dotConfig(image: string): Promise<Buffer> {
  return readImageFile(docker, image, '/usr/src/linux/.config', signal);
}

beforeAll(async () => {
  docker = await connectEngine({ env: process.env });
});
beforeEach(async () => {
  await removeToyImages();
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  source = join(dir, 'linux');
  await cp(toy, source, { recursive: true });
  // Every run is another source: no layer of an earlier run can stand in for a step.
  await writeFile(join(source, 'unique'), dir);
  events = [];
  context = controllerContext(
    { progress: (event) => events.push(event), timings: {} },
    { ...process.env, KLP_DOCKER_CACHE: join(dir, 'cache') },
  );
  request = { kernel: '6.98.7', arch: 'amd64', source };
});
afterEach(() => rm(dir, { recursive: true, force: true }));
afterAll(removeToyImages);

describe('an image', () => {
  it('is built from a source folder, named by all that went into it, and holds what a boot needs', async () => {
    const image = await ensureImage(docker, request, context);
    expect(image).toMatchObject({
      origin: 'built',
      kernel: '6.98.7',
      arch: 'x86_64',
      llvm: 19,
      config: 'tiny',
    });
    const said = events.findIndex((event) => event.type === 'note' && event.text.includes('it is built now'));
    expect(said).toBeGreaterThan(0);
    const begun = events.slice(0, said).filter((event) => event.type === 'stage');
    expect(new Set(begun.map((event) => event.name))).toEqual(new Set(['resolve source']));
    expect(image.ref).toMatch(/^klp-docker:6\.98\.7-x86_64-llvm19-tiny-[0-9a-f]{8}$/);

    expect(image.configSha256).toBe(
      createHash('sha256')
        .update(await dotConfig(image.digest))
        .digest('hex'),
    );
    expect((await dotConfig(image.digest)).toString()).toContain('CONFIG_LIVEPATCH=y');
    const boot = await exportBootAssets(docker, image, context);
    expect(boot).toMatchObject({ release: '6.98.7', arch: 'x86_64' });
    expect(await readFile(boot.kernel, 'utf8')).toBe('toy\n');
    expect((await readFile(boot.busybox)).subarray(1, 4).toString()).toBe('ELF');
    expect(boot.selftests).toBeUndefined();

    const listed = (await listImages(docker, context)).find((entry) => entry.ref === image.ref);
    expect(listed).toMatchObject({ digest: image.digest, kernel: '6.98.7', arch: 'x86_64', llvm: 19 });
  });

  it('that is here is found by its line, with no network at all', async () => {
    const built = await ensureImage(docker, request, context);
    const nowhere = 'http://127.0.0.1:9';
    const env = { ...context.env, KLP_DOCKER_KERNEL_ORG: nowhere, KLP_DOCKER_DEBIAN_MIRROR: nowhere };
    const found = await ensureImage(
      docker,
      { kernel: '6.98', arch: 'x86_64', build: false },
      { ...context, env: { ...env, KLP_DOCKER_DEBIAN_SECURITY_MIRROR: nowhere } },
    );
    expect(found).toEqual({ ...built, origin: 'present' });
  });

  it('of another configuration or compiler is another image', async () => {
    await ensureImage(docker, request, context);
    const other = (changes: Partial<ImageRequest>) =>
      ensureImage(docker, { kernel: '6.98.7', arch: 'x86_64', build: false, ...changes }, context);
    await expect(other({ config: 'defconfig' })).rejects.toMatchObject({ code: 'image-not-found' });
    await expect(other({ llvm: 17 })).rejects.toMatchObject({ code: 'image-not-found' });
    await expect(other({ kernel: '6.98.6' })).rejects.toMatchObject({ code: 'image-not-found' });
  });

  it('with another engine gets this one, on the same kernel', async () => {
    const built = await ensureImage(docker, request, context);
    const container = await docker.createContainer({ Image: built.digest, Cmd: ['true'] });
    const older = (await container.commit({
      repo: 'klp-docker',
      tag: built.ref.split(':')[1] ?? '',
      changes: 'LABEL io.klp-docker.engine=older',
    })) as { Id: string };
    await container.remove({ v: true });
    const again = await ensureImage(docker, request, context);
    expect(again).toMatchObject({ ref: built.ref, kernelDigest: built.kernelDigest });
    const { Config } = await docker.getImage(again.ref).inspect();
    expect(Config.Labels['io.klp-docker.engine']).toMatch(/^[0-9a-f]{64}$/);
    // The other version of the program may be about to run what it found.
    const { Id } = await docker.getImage(older.Id).inspect();
    expect(Id).not.toBe(again.digest);
    await docker.getImage(Id).remove();
  });

  it('asked for twice at the same time is built once', async () => {
    const both = await Promise.all([
      ensureImage(docker, request, context),
      ensureImage(docker, request, context),
    ]);
    expect(both.map((image) => image.origin).sort()).toEqual(['built', 'present']);
    expect(both[0].digest).toBe(both[1].digest);
    expect(events).toContainEqual({ type: 'note', text: expect.stringContaining('waiting') as string });
  });
});

describe('a build that fails', () => {
  it('in the compiler names the command, shows its words, and leaves no image', async () => {
    await writeFile(join(source, 'fail'), 'bzImage');
    await expect(ensureImage(docker, request, context)).rejects.toMatchObject({
      code: 'image-build-failed',
      kind: 'environment',
      message: expect.stringContaining('kernel.sh') as string,
      detail: { output: expect.stringContaining('toy.c:1: error: told to fail in bzImage') as string },
    });
    expect(await toyImages()).toEqual([]);
    // What was wrong is put right: the next build works.
    await rm(join(source, 'fail'));
    await expect(ensureImage(docker, request, context)).resolves.toMatchObject({ origin: 'built' });
  });

  it('for an option that got lost is a refusal that tells what the option hangs on', async () => {
    await writeFile(join(source, 'drop'), 'CONFIG_LIVEPATCH');
    await expect(ensureImage(docker, request, context)).rejects.toMatchObject({
      code: 'config-lost-option',
      kind: 'refused',
      message: 'CONFIG_LIVEPATCH (depends on: TOY && MODULES)',
    });
    expect(await toyImages()).toEqual([]);
  });

  it('for a file of the user that lacks livepatching says so', async () => {
    const config = join(dir, 'my.config');
    await writeFile(config, 'CONFIG_MODULES=y\n');
    await expect(ensureImage(docker, { ...request, config }, context)).rejects.toMatchObject({
      code: 'config-lost-option',
      message: expect.stringContaining('CONFIG_') as string,
    });
  });

  it('because the source is another version does not even start', async () => {
    await expect(ensureImage(docker, { ...request, kernel: '6.99' }, context)).rejects.toMatchObject({
      code: 'source-version-differs',
      message: expect.stringContaining('6.98.7') as string,
    });
    expect(events.filter((event) => event.type === 'stage' && event.name === 'kernel')).toEqual([]);
  });

  it('because the user stops it leaves no image and no container', async () => {
    const stop = new AbortController();
    const stopAtKernel = (event: ProgressEvent): void => {
      if (event.type === 'line' && event.text.includes('Running in')) stop.abort();
    };
    await expect(
      ensureImage(docker, request, { ...context, signal: stop.signal, progress: stopAtKernel }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(await toyImages()).toEqual([]);
    await expect
      .poll(async () => (await docker.listContainers()).filter((c) => c.Command.includes('/klp/')), {
        timeout: 30_000,
      })
      .toEqual([]);
  });
});

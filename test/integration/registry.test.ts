import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureBase } from '../../src/controller/base.js';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { buildImage } from '../../src/controller/docker/build.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { imageId, tagImage } from '../../src/controller/docker/images.js';
import { ensureImage, pushToRegistry } from '../../src/controller/images.js';
import { label } from '../../src/controller/labels.js';
import { imageTag, inputsHash, kernelConfig, recipe } from '../../src/controller/recipe.js';
import { findFolder } from '../../src/controller/sources/local.js';
import { archData } from '../../src/shared/catalog.js';
import { probeRegistry } from '../../src/controller/sources/http.js';

const registryImage = 'klp-docker-test:registry';
const signal = new AbortController().signal;

let docker: Docker;
let dir: string;
let source: string;
let context: ControllerContext;
let tag: string;
let labels: Record<string, string>;
let base: string;
let registry: Docker.Container | undefined;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as AddressInfo;
  await new Promise((settle) => server.close(settle));
  return port;
}

/** Debian's docker-registry in a container, listening on loopback, which engines trust without TLS. */
async function startRegistry(port: number): Promise<Docker.Container> {
  if ((await imageId(docker, registryImage, signal)) === undefined) {
    const dockerfile = `FROM ${base}\nRUN apt-get update && apt-get install -y --no-install-recommends docker-registry\n`;
    const id = await buildImage(docker, { dockerfile, files: {}, args: {}, labels: {} }, context);
    await tagImage(docker, id, registryImage, signal);
  }
  const http = { addr: `127.0.0.1:${port}` };
  const config = JSON.stringify({
    version: 0.1,
    storage: { filesystem: { rootdirectory: '/tmp/registry' } },
    http,
  });
  const container = await docker.createContainer({
    Image: registryImage,
    Cmd: ['sh', '-c', `echo '${config}' >/tmp/config.yml && exec docker-registry serve /tmp/config.yml`],
    HostConfig: { NetworkMode: 'host' },
  });
  await container.start();
  const url = `http://127.0.0.1:${port}/v2/`;
  await vi.waitFor(async () => expect(await probeRegistry(url, context)).toBeUndefined(), {
    timeout: 30_000,
  });
  return container;
}

async function forget(...refs: string[]): Promise<void> {
  for (const ref of refs)
    await docker
      .getImage(ref)
      .remove({ force: true })
      .catch(() => undefined);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  source = join(dir, 'linux');
  await cp('test/fixtures/toy-source', source, { recursive: true });
  await writeFile(join(source, 'unique'), dir);
  const port = await freePort();
  context = controllerContext(
    { progress: () => undefined, timings: {} },
    {
      ...process.env,
      KLP_DOCKER_CACHE: join(dir, 'cache'),
      KLP_DOCKER_REGISTRY: `127.0.0.1:${port}/team`,
    },
  );
  docker = await connectEngine(context);
  base = await ensureBase(docker, 'trixie', context);
  registry = await startRegistry(port);

  // A stand-in for a kernel image: what a registry does not look into need not be compiled.
  const arch = archData('x86_64');
  const config = kernelConfig('tiny', arch);
  const of = recipe(arch, 19, config);
  const { sha256 } = await findFolder(source, context);
  const inputs = inputsHash(of, sha256);
  tag = imageTag(of, '6.98.7', inputs);
  labels = {
    [label.kernel]: '6.98.7',
    [label.arch]: 'x86_64',
    [label.llvm]: '19',
    [label.config]: 'tiny',
    [label.configSha256]: config.sha256,
    [label.inputs]: inputs,
    [label.source]: source,
    [label.sourceSha256]: sha256,
  };
  const dockerfile = `FROM ${base}\nRUN useradd klp && mkdir /job && echo kernel >/kernel\n`;
  const id = await buildImage(docker, { dockerfile, files: {}, args: {}, labels }, context);
  await tagImage(docker, id, `klp-docker-kernel:${tag}`, signal);
});
afterAll(async () => {
  await registry?.remove({ force: true, v: true });
  await forget(
    `klp-docker:${tag}`,
    `klp-docker-kernel:${tag}`,
    `${context.env.KLP_DOCKER_REGISTRY}/klp-docker:${tag}`,
  );
  await rm(dir, { recursive: true, force: true });
});

describe('a registry', () => {
  const request = () => ({ kernel: '6.98.7', arch: 'x86_64', source, build: false });

  it('that lacks the image is no error when building is allowed, and a clear one when it is not', async () => {
    const kernelRef = `klp-docker-kernel:${tag}`;
    const kept = await imageId(docker, kernelRef, signal);
    await tagImage(docker, kept ?? '', 'klp-docker-test:kept', signal);
    await forget(kernelRef);
    await expect(ensureImage(docker, { ...request(), pull: true }, context)).rejects.toMatchObject({
      code: 'image-not-found',
      kind: 'environment',
    });
    await tagImage(docker, 'klp-docker-test:kept', kernelRef, signal);
    await forget('klp-docker-test:kept');
  });

  it('takes an image, names it by digest, and gives it back to who has none', async () => {
    const image = await ensureImage(docker, request(), context);
    expect(image.origin).toBe('present');
    const pushed = await pushToRegistry(docker, image, context);
    expect(pushed.ref).toBe(`${context.env.KLP_DOCKER_REGISTRY}/klp-docker:${tag}`);
    expect(pushed.digest).toMatch(/^sha256:[0-9a-f]{64}$/);

    await forget(image.ref, `klp-docker-kernel:${tag}`, pushed.ref);
    const again = await ensureImage(docker, { ...request(), pull: true }, context);
    expect(again).toMatchObject({ ref: image.ref, origin: 'pulled', kernel: '6.98.7', arch: 'x86_64' });
  });

  it('that does not answer is named', async () => {
    const image = await ensureImage(docker, request(), context);
    const env = { ...context.env, KLP_DOCKER_REGISTRY: '127.0.0.1:9' };
    await expect(pushToRegistry(docker, image, { ...context, env })).rejects.toMatchObject({
      code: 'registry-failed',
      message: expect.stringContaining('127.0.0.1:9') as string,
    });
    await forget(`127.0.0.1:9/klp-docker:${tag}`);
  });

  it('that nobody has configured is asked for', async () => {
    const image = await ensureImage(docker, request(), context);
    const env = { ...context.env, KLP_DOCKER_REGISTRY: undefined };
    await expect(pushToRegistry(docker, image, { ...context, env })).rejects.toMatchObject({
      code: 'registry-not-set',
      kind: 'usage',
    });
  });
});

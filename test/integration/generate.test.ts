import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext, type ControllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { generateInImage } from '../../src/controller/generate.js';
import { ensureImage, type Image } from '../../src/controller/images.js';
import type { ProgressEvent } from '../../src/shared/progress.js';
import { pinned } from '../setup/engine.js';

const example = 'examples/proc-meminfo/proc-meminfo.patch';

let docker: Docker;
let image: Image;
let outDir: string;
let events: ProgressEvent[];
let context: ControllerContext;

beforeAll(async () => {
  const plain = controllerContext({ progress: () => undefined, timings: {} });
  docker = await connectEngine(plain);
  image = await ensureImage(docker, pinned, plain);
});
beforeEach(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  events = [];
  context = controllerContext({ progress: (event) => events.push(event), timings: {} });
});
afterEach(() => rm(outDir, { recursive: true, force: true }));

describe('a patch given to the engine in an image', () => {
  it('comes back as a module, a package and a result', async () => {
    const result = await generateInImage(docker, image, { patches: [example], outDir }, context);
    expect(result).toMatchObject({ status: 'livepatch', image: { ref: image.ref, digest: image.digest } });
    expect((await readdir(outDir)).sort()).toEqual([
      'livepatch-proc-meminfo.json',
      'livepatch-proc-meminfo.ko',
      'livepatch-proc-meminfo.tgz',
    ]);
    expect(result.artifacts.map((artifact) => artifact.path).sort()).toEqual([
      join(outDir, 'livepatch-proc-meminfo.ko'),
      join(outDir, 'livepatch-proc-meminfo.tgz'),
    ]);
  });

  it('tells its progress while it works', async () => {
    await generateInImage(docker, image, { patches: [example], outDir }, context);
    const stages = events.filter((event) => event.type === 'stage' && event.state === 'done');
    expect(stages.length).toBeGreaterThan(3);
  });

  it('may have any file name', async () => {
    const odd = join(outDir, "it's; $(touch x) -- a patch.patch");
    await writeFile(odd, await readFile(example));
    const result = await generateInImage(docker, image, { patches: [odd], outDir, name: 'odd' }, context);
    expect(result.status).toBe('livepatch');
    expect(await readdir(outDir)).toContain('livepatch-odd.ko');
  });

  it('that is none is a result with the reason, and nothing is written', async () => {
    const none = join(outDir, 'none.patch');
    await writeFile(none, 'dear kernel,\nplease be faster\n');
    const result = await generateInImage(docker, image, { patches: [none], outDir }, context);
    expect(result).toMatchObject({ status: 'error', findings: [{ code: 'not-a-patch', severity: 'error' }] });
    expect(await readdir(outDir)).toEqual(['none.patch']);
  });

  it('leaves its intermediate files where they are wanted', async () => {
    const debugDir = join(outDir, 'debug');
    await generateInImage(docker, image, { patches: [example], outDir, debugDir }, context);
    expect(await readFile(join(debugDir, 'commands.sh'), 'utf8')).toContain('clang');
  });
});

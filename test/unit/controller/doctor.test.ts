import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { controllerContext } from '../../../src/controller/context.js';
import { examine, type Check } from '../../../src/controller/doctor.js';
import { supportedArchs } from '../../../src/shared/catalog.js';
import { file, hang, testServer, type TestServer } from '../../helpers/http-server.js';

let server: TestServer;
let cacheDir: string;
beforeEach(async () => {
  server = await testServer();
  cacheDir = await mkdtemp(join(tmpdir(), 'klp-test-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(cacheDir, { recursive: true });
});

/** What is found on a machine whose engine does not answer, by the name of the check. */
async function checks(env: Record<string, string> = {}): Promise<Map<string, Check>> {
  const all = {
    DOCKER_HOST: 'unix:///nonexistent.sock',
    KLP_DOCKER_CACHE: cacheDir,
    KLP_DOCKER_DEBIAN_MIRROR: `${server.url}/debian`,
    KLP_DOCKER_KERNEL_ORG: `${server.url}/kernel`,
    KLP_DOCKER_REGISTRY_PROBE: `${server.url}/v2/`,
    KLP_DOCKER_PROBE_SECONDS: '0.5',
    ...env,
  };
  const found = await examine(controllerContext({ progress: () => undefined, timings: {} }, all));
  return new Map(found.map((check) => [check.name, check]));
}

describe('doctor on a machine without an engine', () => {
  it('goes on without it, and says what to do', async () => {
    const found = await checks();
    expect(found.get('docker engine')).toMatchObject({
      ok: false,
      required: true,
      advice: expect.stringContaining('DOCKER_HOST') as string,
    });
    expect(found.get('debian mirror')?.ok).toBe(true);
    expect(found.get('disk of the cache')).toBeDefined();
  });

  it('tells of every place that does not answer, and what to set', async () => {
    server.routes.set('/kernel', hang);
    server.routes.set('/v2/', hang);
    server.routes.set('/debian/dists/trixie/InRelease', hang);
    const host = server.url.replace('http://', '');
    const found = await checks({ KLP_DOCKER_REGISTRY: `${host}/team` });
    for (const [name, hint] of [
      ['debian mirror', 'KLP_DOCKER_DEBIAN_MIRROR'],
      ['kernel.org', 'KLP_DOCKER_KERNEL_ORG'],
      ['public registry', 'mmdebstrap'],
      ['own registry', 'KLP_DOCKER_REGISTRY'],
    ] as const) {
      expect(found.get(name), name).toMatchObject({
        ok: false,
        advice: expect.stringContaining(hint) as string,
      });
    }
  });

  it('knows an own registry that answers', async () => {
    server.routes.set('/v2/', file('{}'));
    const found = await checks({ KLP_DOCKER_REGISTRY: `${server.url.replace('http://', '')}/team` });
    expect(found.get('own registry')?.ok).toBe(true);
  });

  it('names the package of every program that is missing, QEMU for each architecture among them', async () => {
    vi.stubEnv('PATH', cacheDir);
    const found = await checks();
    for (const arch of supportedArchs()) {
      expect(found.get(`qemu for ${arch}`)).toMatchObject({
        ok: false,
        advice: expect.stringMatching(/^apt-get install qemu-system-/) as string,
      });
    }
    expect(found.get('git')?.advice).toBe('apt-get install git');
  });
});

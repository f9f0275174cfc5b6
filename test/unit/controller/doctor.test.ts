import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { controllerContext } from '../../../src/controller/context.js';
import { examine, type Check } from '../../../src/controller/doctor.js';
import { supportedArchs } from '../../../src/shared/catalog.js';
import { hang, testServer, type TestServer } from '../../helpers/http-server.js';

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

/** Where the test server has what the checks of servers ask for. */
const places = {
  'debian mirror': '/debian/dists/trixie/InRelease',
  'debian security mirror': '/security/dists/trixie-security/InRelease',
  'kernel.org': '/kernel/v6.x/sha256sums.asc',
  'public registry': '/v2/',
};

/** What is found on a machine whose engine does not answer, by the name of the check. */
async function checks(env: Record<string, string> = {}): Promise<Map<string, Check>> {
  const all = {
    DOCKER_HOST: 'unix:///nonexistent.sock',
    KLP_DOCKER_CACHE: cacheDir,
    KLP_DOCKER_DEBIAN_MIRROR: `${server.url}/debian`,
    KLP_DOCKER_DEBIAN_SECURITY_MIRROR: `${server.url}/security`,
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
    expect(found.get('disk of the cache')).toBeDefined();
  });

  it('tells of every place that does not answer, and what to set', async () => {
    for (const path of Object.values(places)) server.routes.set(path, hang);
    const host = server.url.replace('http://', '');
    const found = await checks({ KLP_DOCKER_REGISTRY: `${host}/team` });
    for (const [name, hint] of [
      ['debian mirror', 'KLP_DOCKER_DEBIAN_MIRROR'],
      ['debian security mirror', 'KLP_DOCKER_DEBIAN_SECURITY_MIRROR'],
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

  it('believes the places that have what is asked of them, and no other', async () => {
    const env = { KLP_DOCKER_REGISTRY: `${server.url.replace('http://', '')}/team` };
    const names = [...Object.keys(places), 'own registry'];
    for (const [status, usable] of [
      [200, names],
      [401, ['public registry', 'own registry']],
      [403, []],
      [404, []],
      [503, []],
    ] as const) {
      for (const path of Object.values(places)) {
        server.routes.set(path, (_request, response) => void response.writeHead(status).end());
      }
      const found = await checks(env);
      const ok = names.filter((name) => found.get(name)?.ok);
      expect(ok, String(status)).toEqual(usable);
      for (const name of names.filter((one) => !ok.includes(one))) {
        expect(found.get(name)?.detail).toContain(`answers with HTTP ${status}`);
      }
    }
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

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { connectEngine, withEngine } from '../../src/controller/docker/connect.js';
import { run } from '../../src/shared/run.js';

const quiet = { progress: () => undefined, timings: {} };

describe('the Docker engine', () => {
  it('that is not there is an error of the environment which says where it was looked for', async () => {
    const context = controllerContext(quiet, { DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    const refused = { code: 'docker-not-reachable', kind: 'environment' };
    const words = { message: expect.stringContaining('/nonexistent/docker.sock') as string };
    await expect(connectEngine(context)).rejects.toMatchObject({ ...refused, ...words });
    // An engine that was named is not replaced by another one.
    await expect(withEngine(context, async () => 'used')).rejects.toMatchObject(refused);
  });

  it('that runs is used and left running', async () => {
    const context = controllerContext(quiet);
    expect(await withEngine(context, async (docker) => (await docker.version()).ApiVersion)).toMatch(/^1\./);
    await connectEngine(context);
  });

  // The same machine, seen by a process for which no engine runs: its own /run, /var/lib/docker and network.
  it.runIf(process.getuid?.() === 0)(
    'that does not run is started by root, and stopped also when the work fails',
    async () => {
      const cache = await mkdtemp(join(tmpdir(), 'klp-test-'));
      const script =
        'mount -t tmpfs none /run && mount -t tmpfs none /var/lib/docker && exec "$0" test/fixtures/own-engine.mjs';
      try {
        const { stdout } = await run(
          [
            'unshare',
            '--mount',
            '--net',
            '--pid',
            '--fork',
            '--mount-proc',
            'sh',
            '-c',
            script,
            process.execPath,
          ],
          { env: { KLP_DOCKER_CACHE: cache, DOCKER_HOST: '' }, timeoutMs: 180_000 },
        );
        expect(JSON.parse(stdout)).toEqual({
          before: 'docker-not-reachable',
          during: true,
          failed: 'work failed',
          after: 'docker-not-reachable',
        });
      } finally {
        await rm(cache, { recursive: true });
      }
    },
  );
});

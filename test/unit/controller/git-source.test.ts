import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLog } from '../../../src/cli/log.js';
import { controllerContext, type ControllerContext } from '../../../src/controller/context.js';
import { parseSource, resolveSource } from '../../../src/controller/sources.js';
import { withoutCredentials } from '../../../src/shared/credentials.js';
import type { KlpError } from '../../../src/shared/errors.js';
import { failedResult } from '../../../src/shared/outcome.js';
import type { ProgressEvent } from '../../../src/shared/progress.js';
import { run } from '../../../src/shared/run.js';
import { testServer, type TestServer } from '../../helpers/http-server.js';

let dir: string;
let server: TestServer;
let events: ProgressEvent[];
let context: ControllerContext;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  server = await testServer();
  events = [];
  context = controllerContext(
    { progress: (event) => void events.push(event), timings: {} },
    { KLP_DOCKER_CACHE: join(dir, 'cache'), KLP_DOCKER_STALL_SECONDS: '600' },
  );
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(dir, { recursive: true });
});

const resolve = (source: string) => resolveSource('6.98.7', parseSource(source), context);

/** What a promise is rejected with. */
const failure = (promise: Promise<unknown>): Promise<KlpError> =>
  promise.then(
    () => expect.unreachable('it was fulfilled'),
    (error: unknown) => error as KlpError,
  );

describe('the credentials in the URL of a git source', () => {
  const secret = 'tok3n';

  it('are used, and are in nothing that is shown or kept', async () => {
    const authorizations: (string | undefined)[] = [];
    server.routes.set('/linux.git/info/refs?service=git-upload-pack', (request, response) => {
      authorizations.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
    });
    const url = server.url.replace('://', `://me:${secret}@`);
    const file = join(dir, 'log');
    const argv = ['klp-docker', 'build', '--source', `git+${url}/linux.git#v6.98.7`];
    const log = await openLog(file, argv);
    const error = await failure(resolve(`git+${url}/linux.git#v6.98.7`));
    expect(authorizations).toContain(`Basic ${Buffer.from(`me:${secret}`).toString('base64')}`);
    expect(error).toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining(`${server.url}/linux.git`) as string,
    });
    log.commands();
    for (const event of events) log.event(event);
    log.text(error.stack ?? '');
    const shown = JSON.stringify([failedResult(error), events]) + (await readFile(file, 'utf8'));
    expect(shown).toContain('fetch');
    expect(shown).not.toContain(secret);
  });

  it('are not in the origin, which becomes a label of the image', async () => {
    const tree = join(dir, 'linux');
    await cp(join(import.meta.dirname, '../../fixtures/toy-source'), tree, { recursive: true });
    const git = (...args: string[]) =>
      run(['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', '-C', tree, ...args]);
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'first');
    await git('tag', 'v6.98.7');
    // Served as git's own protocol knows it: file URLs have no user, so a rule of git's makes one of another.
    const url = `https://me:${secret}@git.invalid/linux.git`;
    vi.stubEnv('GIT_CONFIG_COUNT', '1');
    vi.stubEnv('GIT_CONFIG_KEY_0', `url.file://${tree}.insteadOf`);
    vi.stubEnv('GIT_CONFIG_VALUE_0', url);
    const source = await resolve(`git+${url}#v6.98.7`);
    expect(source.origin).toBe('git+https://git.invalid/linux.git#v6.98.7');
  });

  it.each([
    ['git+https://me:tok3n@git.invalid/linux.git', 'a git source needs a tag'],
    ['https://me:tok3n@git.invalid/linux.git', '--source https://git.invalid/linux.git is neither'],
  ])('are not in what is said of %s', (source, words) => {
    expect(() => parseSource(source)).toThrow(words);
    expect(() => parseSource(source)).not.toThrow(secret);
  });
});

describe('a text without credentials', () => {
  it.each([
    ['at https://a:b@h/x and git+http://t@h:80/y', 'at https://h/x and git+http://h:80/y'],
    ['https://a:p@ss@h/x', 'https://h/x'],
    ['ssh://git@h/x', 'ssh://git@h/x'],
    ['ssh://git:b@h/x', 'ssh://h/x'],
    ['https://h/a@b?c=d@e', 'https://h/a@b?c=d@e'],
    ['git@h:x, me@example.org', 'git@h:x, me@example.org'],
  ])('%s', (text, shown) => {
    expect(withoutCredentials(text)).toBe(shown);
  });
});

describe('a git server that accepts and never answers', () => {
  /** A server that takes connections and never says a word. */
  async function silentServer(): Promise<{ port: number; connections: Set<Socket>; close: () => void }> {
    const connections = new Set<Socket>();
    const listener = createServer((socket) => {
      connections.add(socket.resume());
      socket.on('error', () => undefined).on('close', () => connections.delete(socket));
    });
    await new Promise<void>((settle) => listener.listen(0, '127.0.0.1', settle));
    const close = (): void => {
      for (const socket of connections) socket.destroy();
      listener.close();
    };
    return { port: (listener.address() as AddressInfo).port, connections, close };
  }

  it.each(['http', 'git'])('is given up, and nothing is left running: %s', async (scheme) => {
    const silent = await silentServer();
    context = { ...context, env: { ...context.env, KLP_DOCKER_STALL_SECONDS: '0.5' } };
    try {
      const error = await failure(resolve(`git+${scheme}://127.0.0.1:${silent.port}/linux.git#v6.98.7`));
      expect(error).toMatchObject({
        code: 'source-not-found',
        kind: 'environment',
        message: expect.stringMatching(/said nothing for 0\.5 s/) as string,
      });
      await expect.poll(() => silent.connections.size).toBe(0);
    } finally {
      silent.close();
    }
  });

  it('is left at once when the user says so', async () => {
    const silent = await silentServer();
    const stop = new AbortController();
    context = { ...context, signal: stop.signal };
    try {
      const error = failure(resolve(`git+http://127.0.0.1:${silent.port}/linux.git#v6.98.7`));
      await expect.poll(() => silent.connections.size).toBe(1);
      stop.abort();
      expect(await error).toMatchObject({ code: 'interrupted' });
      await expect.poll(() => silent.connections.size).toBe(0);
    } finally {
      silent.close();
    }
  });

  it('over ssh may neither ask nor take its time; what the user has set stays', async () => {
    const record = join(dir, 'arguments');
    const ssh = join(dir, 'my ssh');
    await writeFile(ssh, `#!/bin/sh\nprintf '%s\\n' "$@" >'${record}'\nexit 255\n`, { mode: 0o755 });
    context = { ...context, env: { ...context.env, GIT_SSH_COMMAND: `'${ssh}' -i key` } };
    await failure(resolve('git+ssh://git@git.invalid/linux.git#v6.98.7'));
    const words = (await readFile(record, 'utf8')).split('\n');
    expect(words.slice(0, 2)).toEqual(['-i', 'key']);
    for (const option of ['BatchMode=yes', 'ConnectTimeout=600']) expect(words).toContain(option);
  });
});

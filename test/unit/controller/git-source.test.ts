import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
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
    { KLP_DOCKER_CACHE: join(dir, 'cache'), KLP_DOCKER_STALL_SECONDS: '0.5' },
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

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controllerContext, type ControllerContext } from '../../../src/controller/context.js';
import { parseSource, resolveSource } from '../../../src/controller/sources.js';
import { download } from '../../../src/controller/sources/http.js';
import { debianData } from '../../../src/shared/catalog.js';
import {
  file,
  hang,
  redirect,
  testServer,
  truncated,
  type Handler,
  type TestServer,
} from '../../helpers/http-server.js';

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const tarball = 'the source of a kernel, so to speak\n'.repeat(1000);
const sums = `${sha256(tarball)}  linux-6.4.tar.xz\n${sha256('x')}  linux-6.4.3.tar.xz\n${sha256('y')}  linux-6.1.9.tar.xz\n`;

let server: TestServer;
let cacheDir: string;
let context: ControllerContext;
/** Milliseconds of every pause that was asked for. */
let pauses: number[];
beforeEach(async () => {
  server = await testServer();
  cacheDir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  pauses = [];
  context = controllerContext(
    { progress: () => undefined, timings: {}, pause: async (ms) => void pauses.push(ms) },
    {
      KLP_DOCKER_CACHE: cacheDir,
      KLP_DOCKER_KERNEL_ORG: server.url,
      KLP_DOCKER_DEBIAN_MIRROR: `${server.url}/debian`,
      KLP_DOCKER_DEBIAN_SECURITY_MIRROR: `${server.url}/security`,
      KLP_DOCKER_PROBE_SECONDS: '0.5',
      KLP_DOCKER_STALL_SECONDS: '0.5',
    },
  );
});
afterEach(async () => {
  await server.close();
  await rm(cacheDir, { recursive: true });
});

describe("a server with kernel.org's layout", () => {
  beforeEach(() => {
    server.routes.set('/v6.x/sha256sums.asc', file(sums));
    server.routes.set('/v6.x/linux-6.4.tar.xz', file(tarball));
  });

  it('gives version and checksum before anything is downloaded, then the file', async () => {
    const source = await resolveSource('6.4', { kind: 'kernel.org' }, context);
    expect(source).toMatchObject({ version: '6.4.3', origin: 'kernel.org', contextName: 'source.tar.xz' });
    expect(server.requests).toEqual(['GET /v6.x/sha256sums.asc']);
  });

  it('gives the first release of a line when it has no other', async () => {
    server.routes.set('/v6.x/sha256sums.asc', file(`${sha256(tarball)}  linux-6.4.tar.xz\n`));
    const source = await resolveSource('6.4', { kind: 'kernel.org' }, context);
    expect(source).toMatchObject({ version: '6.4', sha256: sha256(tarball) });
    const path = await source.fetch();
    expect(path.startsWith(cacheDir)).toBe(true);
    expect(await readFile(path, 'utf8')).toBe(tarball);
  });

  it('is asked once: a second run takes the file from the cache', async () => {
    server.routes.set('/v6.x/sha256sums.asc', file(`${sha256(tarball)}  linux-6.4.tar.xz\n`));
    for (let i = 0; i < 2; i++) await (await resolveSource('6.4', { kind: 'kernel.org' }, context)).fetch();
    expect(server.requests.filter((request) => request.includes('tar.xz'))).toHaveLength(1);
  });

  it('says when the connection is not protected', async () => {
    await resolveSource('6.4', { kind: 'kernel.org' }, context);
    expect(context.findings).toMatchObject([{ code: 'signature-not-checked', severity: 'warning' }]);
  });

  it('refuses a version that it does not list, and says who was asked', async () => {
    await expect(resolveSource('6.5', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining('kernel.org does not list 6.5') as string,
    });
  });

  it('may be believed by its signature', async () => {
    context = {
      ...context,
      env: { ...context.env, KLP_DOCKER_KERNEL_ORG_KEYRING: kernelOrg('keyring.gpg') },
    };
    const signed = await readFile(kernelOrg('sha256sums.asc'), 'utf8');
    server.routes.set('/v6.x/sha256sums.asc', file(signed));
    const source = await resolveSource('6.4', { kind: 'kernel.org' }, context);
    expect(source).toMatchObject({ version: '6.4.3', sha256: sha256('y') });
    expect(context.findings).toEqual([]);
    // Nothing beside what was signed counts.
    server.routes.set('/v6.x/sha256sums.asc', file(`${sha256('z')}  linux-6.4.9.tar.xz\n${signed}`));
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).resolves.toMatchObject({
      version: '6.4.3',
    });
    server.routes.set('/v6.x/sha256sums.asc', file(signed.replace('linux-6.4.3', 'linux-6.4.4')));
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      code: 'signature-invalid',
    });
    server.routes.set('/v6.x/sha256sums.asc', file(sums));
    await expect(resolveSource('6.4', { kind: 'default' }, context)).rejects.toMatchObject({
      code: 'signature-invalid',
    });
  });

  it('is not believed when the keys to believe are not there', async () => {
    context = { ...context, env: { ...context.env, KLP_DOCKER_KERNEL_ORG_KEYRING: '/nonexistent' } };
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      code: 'signature-invalid',
      message: expect.stringContaining('/nonexistent') as string,
    });
  });

  it('that answers with something else than checksums is not taken for one that lacks a kernel', async () => {
    server.routes.set('/v6.x/sha256sums.asc', file('<html>Please log in</html>'));
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      message: expect.stringContaining('sha256sums.asc lists no kernel') as string,
    });
  });

  it('that sends us round in circles is given up', async () => {
    server.routes.set('/v6.x/sha256sums.asc', redirect('/v6.x/sha256sums.asc'));
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      kind: 'environment',
      message: expect.stringContaining('redirect') as string,
    });
  });

  it('that hangs is given up', async () => {
    server.routes.set('/v6.x/sha256sums.asc', hang);
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, context)).rejects.toMatchObject({
      code: 'mirror-not-reachable',
      kind: 'environment',
      message: expect.stringContaining(
        'did not answer in the time set by KLP_DOCKER_PROBE_SECONDS',
      ) as string,
    });
  });

  it('that hangs is followed by Debian', async () => {
    server.routes.set('/v6.x/sha256sums.asc', hang);
    await serveDebian();
    await expect(resolveSource('6.9', { kind: 'default' }, context)).resolves.toMatchObject({
      version: '6.9.12',
      origin: 'debian:trixie',
    });
  });
});

describe('a download', () => {
  const url = (): string => `${server.url}/file`;
  const target = (): string => join(cacheDir, 'sources', 'file');
  const begun = (): boolean =>
    readdirSync(dirname(target())).some(
      (name) => name.endsWith('.part') && statSync(join(dirname(target()), name)).size > 0,
    );
  const get = (): Promise<void> => download(url(), target(), sha256(tarball), context);

  it('with the wrong checksum is removed and never used', async () => {
    server.routes.set('/file', file(tarball.replace('kernel', 'KERNEL')));
    await expect(get()).rejects.toMatchObject({ code: 'checksum-mismatch', kind: 'environment' });
    expect(await readdir(dirname(target()))).toEqual([]);
  });

  it('that breaks off is continued where it ended', async () => {
    let first = true;
    server.routes.set('/file', (request, response) => {
      (first ? truncated(tarball, 5000, begun) : file(tarball))(request, response);
      first = false;
    });
    await get();
    expect(await readFile(target(), 'utf8')).toBe(tarball);
    expect(server.requests[1]).toMatch(/^GET \/file bytes=\d+-$/);
  });

  it('starts again where the server cannot continue', async () => {
    const whole = file(tarball);
    let first = true;
    server.routes.set('/file', (request, response) => {
      delete request.headers.range;
      (first ? truncated(tarball, 5000, begun) : whole)(request, response);
      first = false;
    });
    await get();
    expect(await readFile(target(), 'utf8')).toBe(tarball);
    expect(server.requests).toHaveLength(2);
  });

  it('that two want is made once', async () => {
    server.routes.set('/file', file(tarball));
    await Promise.all([get(), get()]);
    expect(await readFile(target(), 'utf8')).toBe(tarball);
    expect(server.requests).toHaveLength(1);
  });

  it('that two want who cannot know of each other is whole for both, and nothing else stays', async () => {
    const other = `${cacheDir}-other`;
    await symlink(cacheDir, other);
    const waiting: (() => void)[] = [];
    server.routes.set('/file', (_request, response) => {
      response.writeHead(200, { 'content-length': tarball.length });
      response.write(tarball.slice(0, 5000));
      waiting.push(() => void response.end(tarball.slice(5000)));
      if (waiting.length === 2) for (const finish of waiting) finish();
    });
    context = { ...context, env: { ...context.env, KLP_DOCKER_STALL_SECONDS: '60' } };
    try {
      const second = join(other, 'sources', 'file');
      await Promise.all([get(), download(url(), second, sha256(tarball), context)]);
    } finally {
      await rm(other);
    }
    expect(await readFile(target(), 'utf8')).toBe(tarball);
    expect(await readdir(dirname(target()))).toEqual(['file']);
  });

  it('that fails leaves what there is of it, and the next goes on from there', async () => {
    const stop = new AbortController();
    server.routes.set(
      '/file',
      truncated(tarball, 5000, () => {
        if (begun()) stop.abort();
        return begun();
      }),
    );
    await expect(
      download(url(), target(), sha256(tarball), { ...context, signal: stop.signal }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(await readdir(dirname(target()))).toEqual(['file.part']);
    server.routes.set('/file', file(tarball));
    await get();
    expect(server.requests.at(-1)).toMatch(/^GET \/file bytes=\d+-$/);
    expect(await readFile(target(), 'utf8')).toBe(tarball);
  });

  it('is taken as it is stored: no server is asked to compress', async () => {
    server.routes.set('/file', (request, response) => {
      const may = /gzip/.test(request.headers['accept-encoding'] ?? '');
      response.writeHead(200, may ? { 'content-encoding': 'gzip' } : {});
      response.end(may ? gzipSync(tarball) : tarball);
      server.requests.push(`gzip ${may}`);
    });
    await get();
    expect(server.requests).toContain('gzip false');
  });

  it('whose place cannot be written to says that, and is not tried again', async () => {
    await mkdir(`${target()}.part`, { recursive: true });
    server.routes.set('/file', file(tarball));
    await expect(get()).rejects.toMatchObject({ code: 'output-not-writable', kind: 'environment' });
    expect(server.requests).toHaveLength(1);
  });

  it('that breaks off every time fails, and keeps what arrived for the next run', async () => {
    server.routes.set('/file', truncated(tarball, 5000, begun));
    await expect(get()).rejects.toMatchObject({ code: 'download-failed' });
    expect(existsSync(target())).toBe(false);
    expect(existsSync(`${target()}.part`)).toBe(true);
    server.routes.set('/file', file(tarball));
    await get();
    expect(await readFile(target(), 'utf8')).toBe(tarball);
  });

  it('that was begun with other bytes starts again', async () => {
    await mkdir(dirname(target()), { recursive: true });
    await writeFile(`${target()}.part`, 'something else');
    server.routes.set('/file', file(tarball));
    await get();
    expect(await readFile(target(), 'utf8')).toBe(tarball);
  });

  it('goes where it is redirected', async () => {
    server.routes.set('/file', redirect('/elsewhere'));
    server.routes.set('/elsewhere', file(tarball));
    await get();
    expect(await readFile(target(), 'utf8')).toBe(tarball);
  });

  it('that stalls in the middle is given up', async () => {
    server.routes.set('/file', (_request, response) => {
      response.writeHead(200, { 'content-length': tarball.length });
      response.write(tarball.slice(0, 100));
    });
    await expect(get()).rejects.toMatchObject({
      code: 'download-failed',
      message: expect.stringContaining('sent nothing for the time set by KLP_DOCKER_STALL_SECONDS') as string,
    });
  });

  it('of what is not there fails at once', async () => {
    await expect(get()).rejects.toMatchObject({
      code: 'download-refused',
      message: expect.stringContaining('404') as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('that is sent round in circles is not asked for again', async () => {
    server.routes.set('/file', redirect('/file'));
    await expect(get()).rejects.toMatchObject({
      code: 'download-refused',
      message: expect.stringContaining('redirect') as string,
    });
    expect(pauses).toEqual([]);
  });

  it.each([408, 429, 500, 503])(
    'is tried again, after growing pauses, when the server says %i',
    async (status) => {
      let asked = 0;
      server.routes.set('/file', (request, response) => {
        if (++asked < 4) response.writeHead(status).end();
        else file(tarball)(request, response);
      });
      await get();
      expect(await readFile(target(), 'utf8')).toBe(tarball);
      expect(pauses).toHaveLength(3);
      expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
      expect(new Set(pauses).size).toBe(3);
    },
  );

  it('is given up after some tries', async () => {
    server.routes.set('/file', (_request, response) => void response.writeHead(429).end());
    await expect(get()).rejects.toMatchObject({
      code: 'download-failed',
      message: expect.stringContaining('429') as string,
    });
    expect(server.requests).toHaveLength(4);
    expect(pauses).toHaveLength(3);
  });

  it('is not tried again when the user says so in a pause', async () => {
    const stop = new AbortController();
    server.routes.set('/file', (_request, response) => void response.writeHead(503).end());
    const interrupted = { ...context, signal: stop.signal, pause: async () => stop.abort() };
    await expect(download(url(), target(), sha256(tarball), interrupted)).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('ends when the user says so', async () => {
    const stop = new AbortController();
    server.routes.set('/file', (_request, response) => {
      response.writeHead(200, { 'content-length': tarball.length });
      response.write(tarball.slice(0, 100));
      stop.abort();
    });
    await expect(
      download(url(), target(), sha256(tarball), { ...context, signal: stop.signal }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(target())).toBe(false);
  });
});

describe('a proxy', () => {
  let proxy: TestServer;
  beforeEach(async () => {
    proxy = await testServer();
  });
  afterEach(() => proxy.close());

  it('is asked for the whole address, as most proxies want it for http', async () => {
    proxy.routes.set('http://mirror.invalid/v6.x/sha256sums.asc', file(sums));
    const env = { ...context.env, http_proxy: proxy.url, KLP_DOCKER_KERNEL_ORG: 'http://mirror.invalid' };
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, { ...context, env })).resolves.toMatchObject({
      version: '6.4.3',
    });
    expect(proxy.requests).toEqual(['GET http://mirror.invalid/v6.x/sha256sums.asc']);
  });

  it('is left alone for what no_proxy names', async () => {
    server.routes.set('/v6.x/sha256sums.asc', file(sums));
    const env = { ...context.env, HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' };
    await resolveSource('6.4', { kind: 'kernel.org' }, { ...context, env });
    expect(proxy.requests).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('that hangs is given up', async () => {
    proxy.routes.set('http://mirror.invalid/v6.x/sha256sums.asc', hang);
    const env = { ...context.env, http_proxy: proxy.url, KLP_DOCKER_KERNEL_ORG: 'http://mirror.invalid' };
    await expect(resolveSource('6.4', { kind: 'kernel.org' }, { ...context, env })).rejects.toMatchObject({
      code: 'mirror-not-reachable',
    });
  });
});

const kernelOrg = (name: string): string => join(import.meta.dirname, '../../fixtures/kernel-org', name);
const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/debian-mirror', name);

/** A Debian archive with one suite that holds one kernel source, signed with a key of its own. */
async function serveDebian(): Promise<void> {
  const dists = '/debian/dists/trixie';
  server.routes.set(`${dists}/InRelease`, file(await readFile(fixture('InRelease'))));
  for (const name of ['Packages.xz', 'Packages.gz']) {
    server.routes.set(`${dists}/main/binary-amd64/${name}`, file(await readFile(fixture(name))));
  }
  const deb = 'linux-source-6.9_6.9.12-1_all.deb';
  server.routes.set(`/debian/pool/main/l/linux/${deb}`, file(await readFile(fixture(deb))));
  context = { ...context, env: { ...context.env, KLP_DOCKER_DEBIAN_KEYRING: fixture('keyring.gpg') } };
}

describe("a server with Debian's layout", () => {
  beforeEach(serveDebian);

  it('gives a kernel source whose checksum hangs on a signature', async () => {
    const source = await resolveSource('6.9.12', parseSource('debian'), context);
    expect(source).toMatchObject({ version: '6.9.12', origin: 'debian:trixie', contextName: 'source.deb' });
    expect(context.findings).toEqual([]);
    const path = await source.fetch();
    expect(sha256(await readFile(path))).toBe(source.sha256);
  });

  it('that is out of order for a moment is asked again', async () => {
    const index = '/debian/dists/trixie/InRelease';
    const healthy = server.routes.get(index);
    let asked = 0;
    server.routes.set(index, (request, response) => {
      if (++asked < 3) response.writeHead(503).end();
      else healthy?.(request, response);
    });
    await expect(resolveSource('6.9', parseSource('debian:trixie'), context)).resolves.toMatchObject({
      version: '6.9.12',
    });
    expect(context.findings).toEqual([]);
    expect(asked).toBe(3);
    expect(pauses).toHaveLength(2);
  });

  it('that does not give all its suites may have a newer release: each is named', async () => {
    const silent = debianData().kernelSourceSuites.filter((suite) => suite !== 'trixie');
    for (const suite of silent) {
      const root = suite.endsWith('-security') ? '/security' : '/debian';
      const broken: Handler = (_request, response) => void response.writeHead(503).end();
      server.routes.set(`${root}/dists/${suite}/InRelease`, suite === 'sid' ? hang : broken);
    }
    await resolveSource('6.9.12', parseSource('debian'), context);
    expect(context.findings).toEqual([]);
    await resolveSource('6.9', parseSource('debian'), context);
    expect(context.findings).toMatchObject([{ code: 'suites-not-read', severity: 'warning' }]);
    for (const suite of silent) expect(context.findings[0]?.message).toContain(`${suite}: `);
    expect(context.findings[0]?.message).not.toContain('trixie: ');
  });

  it('is not believed when its index was changed after signing', async () => {
    const text = await readFile(fixture('InRelease'), 'utf8');
    server.routes.set('/debian/dists/trixie/InRelease', file(text.replace('Origin: Test', 'Origin: Evil')));
    await expect(resolveSource('6.9', parseSource('debian'), context)).rejects.toMatchObject({
      code: 'signature-invalid',
    });
  });

  it('is not believed when its package list is another than the signed one', async () => {
    for (const name of ['Packages.xz', 'Packages.gz']) {
      server.routes.set(`/debian/dists/trixie/main/binary-amd64/${name}`, file('other'));
    }
    await expect(resolveSource('6.9', parseSource('debian'), context)).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
  });

  it('is used without keys, and that is told', async () => {
    context = { ...context, env: { ...context.env, KLP_DOCKER_DEBIAN_KEYRING: '/nonexistent' } };
    await resolveSource('6.9', parseSource('debian:trixie'), context);
    expect(context.findings).toMatchObject([{ code: 'signature-not-checked', severity: 'warning' }]);
  });

  it('tells which kernels it has when it lacks the one asked for', async () => {
    await expect(resolveSource('6.8', parseSource('debian'), context)).rejects.toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining('6.9.12') as string,
    });
  });

  it('that is not there is named', async () => {
    await server.close();
    await expect(resolveSource('6.9', parseSource('debian:trixie'), context)).rejects.toMatchObject({
      code: 'mirror-not-reachable',
      message: expect.stringContaining('trixie') as string,
    });
    server = await testServer();
  });
});

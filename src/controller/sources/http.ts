import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher, Response } from 'undici';
import { asKlpError, isFullDisk, KlpError } from '../../shared/errors.js';
import { checkInterrupted, type ControllerContext } from '../context.js';
import { withLock } from '../lock.js';

/** Milliseconds: until a server must have begun to answer, and the longest pause within an answer. */
const probeMs = 5_000;
const stallMs = 20_000;
/** How often a download, and an index, is asked for before it is given up. */
const attempts = 4;
const indexAttempts = 3;
/** The pause before the second of them (milliseconds); each further one is twice as long. */
const firstPauseMs = 500;
/** 4xx by which a server says that it is busy, not that the request is wrong. */
const busy = [408, 429];
/** undici's codes, and a name, for a server that was silent all the time it was given, and what that means. */
const silences: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'the server could not be reached in the time set by KLP_DOCKER_PROBE_SECONDS',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer in the time set by KLP_DOCKER_PROBE_SECONDS',
  UND_ERR_BODY_TIMEOUT: 'the server sent nothing for the time set by KLP_DOCKER_STALL_SECONDS',
  BodyTimeoutError: 'the server sent nothing for the time set by KLP_DOCKER_STALL_SECONDS',
};
/** Progress is told of downloads larger than this. */
const shownBytes = 20 * 1024 * 1024;
/** An index larger than this is not one. */
const maxIndexBytes = 128 * 1024 * 1024;

/** The server answered, and the answer is no. */
export class HttpStatusError extends Error {
  constructor(
    readonly url: string,
    readonly status: number,
  ) {
    super(`${url}: HTTP ${status}`);
  }
}

function limit(context: ControllerContext, name: string, fallback: number): number {
  const seconds = Number(context.env[name]);
  return seconds > 0 ? seconds * 1000 : fallback;
}

/** Milliseconds that an answer may pause in its middle; KLP_DOCKER_STALL_SECONDS. */
export function stallLimit(context: ControllerContext): number {
  return limit(context, 'KLP_DOCKER_STALL_SECONDS', stallMs);
}

/** The client is loaded when it is needed: a command that finds its image here does without. */
async function agent(context: ControllerContext): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await import('undici');
  const { env } = context;
  const proxy = (name: string): string | undefined => env[name] ?? env[name.toUpperCase()];
  const timeouts = {
    headersTimeout: limit(context, 'KLP_DOCKER_PROBE_SECONDS', probeMs),
    bodyTimeout: stallLimit(context),
  };
  const http = proxy('http_proxy');
  const https = proxy('https_proxy');
  const none = proxy('no_proxy');
  const client = new EnvHttpProxyAgent({
    connect: { timeout: timeouts.headersTimeout },
    // Many proxies let nobody through to port 80 by CONNECT: what is not https is asked for in the plain way.
    proxyTunnel: false,
    ...(http === undefined ? {} : { httpProxy: http }),
    ...(https === undefined ? {} : { httpsProxy: https }),
    ...(none === undefined ? {} : { noProxy: none }),
  });
  // By request, for a client that goes through a proxy does not take them over.
  return client.compose((dispatch) => (options, handler) => dispatch({ ...options, ...timeouts }, handler));
}

/** Sends a GET, hands the answer to `use`, and closes the connection whatever happens. */
async function get<T>(
  url: string,
  context: ControllerContext,
  headers: Record<string, string>,
  use: (response: Response) => Promise<T>,
): Promise<T> {
  checkInterrupted(context.signal);
  const { fetch } = await import('undici');
  const dispatcher = await agent(context);
  try {
    // Bytes as they are stored: a server that compresses on the way would change sizes and ranges.
    const asStored = { 'accept-encoding': 'identity', ...headers };
    const { signal } = context;
    return await use(await fetch(url, { dispatcher, headers: asStored, redirect: 'follow', signal }));
  } catch (error) {
    checkInterrupted(context.signal);
    throw error;
  } finally {
    await dispatcher.destroy();
  }
}

/** Why a request failed, in a few words; undici hides the reason one level down. */
export function requestProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined;
  const silence = silences[cause?.code ?? error.name];
  if (silence !== undefined) return silence;
  return cause ? cause.message || (cause.code ?? cause.name) : error.message;
}

/** Whether the same request may go better: the network failed, or the server is busy or out of order. */
function mayPass(error: unknown): boolean {
  if (error instanceof HttpStatusError) return error.status >= 500 || busy.includes(error.status);
  return !(error instanceof Error && error.cause instanceof Error && /redirect/.test(error.cause.message));
}

/** Tells of a failed attempt, and waits before the next; the longer, the more there were. */
async function beforeNext(url: string, attempt: number, error: unknown, context: ControllerContext) {
  context.progress({ type: 'note', text: `${basename(url)}: ${requestProblem(error)}; trying again` });
  await context.pause(firstPauseMs * 2 ** (attempt - 1));
  checkInterrupted(context.signal);
}

/**
 * A small file's content, and the URL that it came from after all redirects. Is asked for again when that may help; a
 * server that was silent for its whole time is not.
 * @throws HttpStatusError, or what the network threw; KlpError `interrupted`
 */
export async function fetchBytes(
  url: string,
  context: ControllerContext,
): Promise<{ bytes: Buffer; from: string }> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(url, context);
    } catch (error) {
      const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
      const final = error instanceof KlpError || !mayPass(error) || (cause?.code ?? '') in silences;
      if (final || attempt === indexAttempts) throw error;
      await beforeNext(url, attempt, error, context);
    }
  }
}

async function fetchOnce(url: string, context: ControllerContext): Promise<{ bytes: Buffer; from: string }> {
  return get(url, context, {}, async (response) => {
    if (!response.ok) throw new HttpStatusError(url, response.status);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += (part as Uint8Array).length;
      if (size > maxIndexBytes) throw new Error(`${url} is larger than ${maxIndexBytes} bytes`);
      parts.push(part as Uint8Array);
    }
    return { bytes: Buffer.concat(parts), from: response.url };
  });
}

/** SHA-256 of a file, hex. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Downloads a file whose checksum is known to `path`, which then holds it whole and verified. What there is of it when a
 * download fails is `path.part`, which a later call continues. A file that is there already is verified and kept. Of two
 * commands that want the same file one waits for the other; where it cannot know of the other, each has a part of its own.
 * @throws KlpError `download-failed`, `download-refused`, `checksum-mismatch`, `no-disk-space`, `output-not-writable`,
 * `interrupted`
 */
export async function download(
  url: string,
  path: string,
  sha256: string,
  context: ControllerContext,
): Promise<void> {
  await withLock(path, `the download of ${basename(path)}`, context, () =>
    downloadLocked(url, path, sha256, context),
  );
}

async function downloadLocked(
  url: string,
  path: string,
  sha256: string,
  context: ControllerContext,
): Promise<void> {
  if ((await sizeOf(path)) !== undefined) {
    if ((await sha256File(path)) === sha256) return;
    await rm(path);
  }
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${randomUUID()}.part`;
  // Of several one gets what is kept, and the others begin anew.
  const [kept, gone] = [`${path}.part`, (): void => undefined];
  await rename(kept, part).catch(gone);
  try {
    await downloadTo(part, url, path, sha256, context);
  } finally {
    await rename(part, kept).catch(gone);
  }
}

async function downloadTo(
  part: string,
  url: string,
  path: string,
  sha256: string,
  context: ControllerContext,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const resumed = ((await sizeOf(part)) ?? 0) > 0;
    try {
      await fetchPart(url, part, context);
    } catch (error) {
      if (error instanceof KlpError) throw error;
      if (isFullDisk(error)) throw asKlpError(error);
      if ((error as NodeJS.ErrnoException).path === part) {
        const why = (error as Error).message;
        throw new KlpError('output-not-writable', `cannot write ${part}: ${why}`, {
          file: part,
          cause: error,
        });
      }
      if (!mayPass(error) || attempt === attempts) {
        const code = mayPass(error) ? 'download-failed' : 'download-refused';
        throw new KlpError(code, `cannot download ${url}: ${requestProblem(error)}`, { cause: error });
      }
      await beforeNext(url, attempt, error, context);
      continue;
    }
    const found = await sha256File(part);
    if (found === sha256) return rename(part, path);
    await rm(part, { force: true });
    // What was there before may have been another file's beginning: that deserves one more try from the start.
    if (!resumed || attempt === attempts) {
      throw new KlpError('checksum-mismatch', `${url} has the SHA-256 ${found}, published is ${sha256}`);
    }
  }
}

async function fetchPart(url: string, part: string, context: ControllerContext): Promise<void> {
  const have = (await sizeOf(part)) ?? 0;
  await get(url, context, have > 0 ? { range: `bytes=${have}-` } : {}, async (response) => {
    // 416: what is there is already all, or more than all; the checksum tells which.
    if (response.status === 416 && have > 0) return;
    if (!response.ok || !response.body) throw new HttpStatusError(url, response.status);
    const from = response.status === 206 ? have : 0;
    const total = from + Number(response.headers.get('content-length') ?? Number.NaN);
    let received = from;
    let shown = Math.floor((received / total) * 10);
    const count = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        received += chunk.length;
        const tenth = Math.floor((received / total) * 10);
        if (tenth > shown && total > shownBytes) {
          shown = tenth;
          context.progress({
            type: 'line',
            text: `${basename(url)}: ${mebibytes(received)} of ${mebibytes(total)} MiB`,
          });
        }
        yield chunk;
      }
    };
    const body = Readable.fromWeb(response.body as never) as AsyncIterable<Uint8Array>;
    await pipeline(count(body), createWriteStream(part, { flags: from > 0 ? 'a' : 'w' }), {
      signal: context.signal,
    });
    if (received < total) throw new Error(`the server sent ${received} of ${total} bytes`);
  });
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}

/**
 * Why a server cannot be used, in a few words; undefined when it has what is asked for. Asks once.
 * @param others statuses beside 2xx that will do
 */
export async function probe(
  url: string,
  context: ControllerContext,
  others: readonly number[] = [],
): Promise<string | undefined> {
  try {
    return await get(url, context, {}, async ({ ok, status }) =>
      ok || others.includes(status) ? undefined : `answers with HTTP ${status}`,
    );
  } catch (error) {
    if (error instanceof KlpError) throw error;
    return `does not answer (${requestProblem(error)})`;
  }
}

/** The same for a registry (its `/v2/`), which may want to know who asks. */
export async function probeRegistry(url: string, context: ControllerContext): Promise<string | undefined> {
  return probe(url, context, [401]);
}

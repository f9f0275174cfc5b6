import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type Docker from 'dockerode';
import { z } from 'zod';
import { asKlpError, KlpError } from '../shared/errors.js';
import { withTempDir } from '../shared/files.js';
import { asciiName } from '../shared/names.js';
import { stage, type ProgressEvent } from '../shared/progress.js';
import { resultSchema, type ResultDocument } from '../shared/result.js';
import type { ControllerContext } from './context.js';
import { runConfined } from './docker/container.js';
import type { Image } from './images.js';
import { sha256File } from './sources/http.js';
import type { TreeImage } from './tree-image.js';
import { unpackUntrusted } from './unpack.js';

/** What a livepatch is made of; data alone, so that it can be run by any container of the image. */
export interface GenerateJob {
  /** Patch files, applied in this order. */
  patches: string[];
  /** C file with callbacks. */
  callbacks?: string;
  /** Make a livepatch that leaves others active. */
  noReplace?: boolean;
  name?: string;
  /** Where the module and its package go; made when missing. */
  outDir: string;
  /** Where all intermediate files go, if anywhere. */
  debugDir?: string;
}

const job = '/job';
const kernelTree = '/usr/src/linux';
const defaultMemory = 4096;
const outputLimits = { bytes: 512 * 1024 * 1024, files: 64, nested: false };
const debugLimits = { bytes: 4 * 1024 * 1024 * 1024, files: 20_000, nested: true };
/** Characters of standard output and of the last standard error that are kept. */
const maxStdout = 256 * 1024 * 1024;
const keptStderr = 8 * 1024;

/**
 * Runs the engine on a job in a container of the image and puts the module and its package into `outDir`.
 * A refusal and a patch that does not compile are results, not errors: see `status` and `findings`.
 * @returns the engine's result document; artifact paths are absolute, `image` is filled in
 * @throws KlpError `container-failed`, `output-unsafe`, `output-not-writable`, `no-disk-space`, `interrupted`,
 *   `docker-failed`
 */
export async function generateInImage(
  docker: Docker,
  image: Pick<Image, 'ref' | 'digest' | 'origin' | 'arch'> | TreeImage,
  request: GenerateJob,
  context: ControllerContext,
): Promise<ResultDocument> {
  return withTempDir('klp-docker-job', async (dir) => {
    const tree = 'tree' in image ? image.tree : undefined;
    const argv = await layOut(dir, request, image.arch, tree?.dir ?? kernelTree);
    const memory = Number(context.env.KLP_DOCKER_MEMORY) || defaultMemory;
    let stdout = '';
    const stderr = eventReader(context);
    return stage('container', context, () =>
      runConfined(
        docker,
        {
          image: image.digest,
          argv,
          env: { TMPDIR: `${job}/tmp`, HOME: `${job}/tmp`, ...('tree' in image ? image.env : {}) },
          input: dir,
          workDir: job,
          ...(tree === undefined ? {} : { mounts: tree.folders, user: tree.owner }),
          memory,
          onStdout: (text) => {
            if (stdout.length < maxStdout) stdout += text;
          },
          onStderr: stderr.feed,
        },
        context,
        async ({ exitCode, outOfMemory, archiveOf }) => {
          if (request.debugDir !== undefined) {
            const target = resolve(request.debugDir);
            await collect(await archiveOf(`${job}/debug`), target, debugLimits);
          }
          if (outOfMemory) {
            throw new KlpError('container-failed', `the container was out of memory (limit: ${memory} MiB)`);
          }
          const result = parseResult(stdout, exitCode, stderr.last());
          const outDir = resolve(request.outDir);
          if (result.artifacts.length > 0) {
            await collect(await archiveOf(`${job}/out`), outDir, outputLimits);
            for (const artifact of result.artifacts) {
              artifact.path = join(outDir, basename(artifact.path));
              if ((await sha256File(artifact.path).catch(() => '')) !== artifact.sha256) {
                throw new KlpError('output-unsafe', `${artifact.path} is not what the result document says`);
              }
            }
          }
          const { ref, digest, origin } = image;
          return { ...result, image: { ref, digest, origin } };
        },
      ),
    );
  });
}

/** Puts the job's files into `dir` as the container will see them, and returns the command. */
async function layOut(dir: string, request: GenerateJob, arch: string, kernel: string): Promise<string[]> {
  // The container's user is not the owner of what is copied in.
  for (const name of ['in', 'out', 'tmp', 'debug']) {
    await mkdir(join(dir, name));
    await chmod(join(dir, name), 0o777);
  }
  await chmod(dir, 0o777);
  const copyIn = async (path: string, i: number): Promise<string> => {
    const name = asciiName(basename(path));
    await mkdir(join(dir, 'in', String(i)));
    await copyFile(path, join(dir, 'in', String(i), name));
    await chmod(join(dir, 'in', String(i), name), 0o644);
    return `${job}/in/${i}/${name}`;
  };
  const patches: string[] = [];
  for (const [i, path] of request.patches.entries()) patches.push(await copyIn(path, i + 1));
  return [
    'llpatch',
    '--json',
    '--events',
    ...['--arch', arch],
    ...['-k', kernel, '-o', `${job}/out`],
    ...(request.callbacks === undefined ? [] : ['--callbacks', await copyIn(request.callbacks, 0)]),
    ...(request.noReplace === true ? ['--no-replace'] : []),
    ...(request.debugDir === undefined ? [] : ['--debug-dir', `${job}/debug`]),
    ...(request.name === undefined ? [] : ['--name', request.name]),
    '--',
    ...patches,
  ];
}

const eventSchema = z.union([
  z.strictObject({
    type: z.literal('stage'),
    name: z.string(),
    state: z.enum(['start', 'done', 'failed']),
    ms: z.number().optional(),
    detail: z.string().optional(),
  }),
  z.strictObject({ type: z.enum(['line', 'note']), text: z.string() }),
]);

/** A line of the engine's standard error as the progress event that it is; undefined for any other line. */
export function parseEvent(line: string): ProgressEvent | undefined {
  const event = eventSchema.safeParse(parseJson(line));
  return event.success ? (event.data as ProgressEvent) : undefined;
}

/** Turns the container's standard error into progress events; what is none of ours is shown as a line. */
function eventReader(context: ControllerContext): { feed: (text: string) => void; last: () => string } {
  let rest = '';
  let kept = '';
  const line = (text: string): void => {
    const event = parseEvent(text);
    if (event !== undefined) context.progress(event);
    else {
      kept = `${kept}${text}\n`.slice(-keptStderr);
      context.progress({ type: 'line', text });
    }
  };
  return {
    feed: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const one of lines) if (one !== '') line(one);
    },
    last: () => kept + rest,
  };
}

/**
 * The engine's result document.
 * @throws KlpError `container-failed` when it printed none
 */
export function parseResult(stdout: string, exitCode: number, stderr: string): ResultDocument {
  const parsed = resultSchema.safeParse(parseJson(stdout));
  if (parsed.success) return parsed.data;
  throw new KlpError('container-failed', `the engine ended with exit code ${exitCode} and without a result`, {
    output: stderr || z.prettifyError(parsed.error),
    cause: parsed.error,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Unpacks an archive beside `target` and moves each entry into it, replacing what has the same name. */
async function collect(
  archive: NodeJS.ReadableStream,
  target: string,
  limits: typeof outputLimits,
): Promise<void> {
  const staging = join(target, `.klp-docker-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(staging, { recursive: true });
    await unpackUntrusted(archive, staging, limits);
    for (const name of await readdir(staging)) {
      if (limits.nested) await rm(join(target, name), { recursive: true, force: true });
      await rename(join(staging, name), join(target, name));
    }
  } catch (error) {
    const known = asKlpError(error);
    if (known.code === 'no-disk-space') {
      throw new KlpError(known.code, `the results do not fit into ${target}: ${known.message}`, {
        file: target,
        cause: error,
      });
    }
    if (error instanceof KlpError) throw error;
    throw new KlpError('output-not-writable', `cannot write to ${target}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

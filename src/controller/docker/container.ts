import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { create as createTar, Parser } from 'tar';
import { KlpError } from '../../shared/errors.js';
import type { ControllerContext } from '../context.js';
import { engineCall } from './stream.js';

/** A command in a container of its own, cut off from everything: see runConfined(). */
export interface ConfinedRun {
  image: string;
  argv: string[];
  env?: Record<string, string>;
  /** Folder whose content is copied into `workDir` before the start. */
  input: string;
  /** A path in the image that is a volume: the only place that can be written to. */
  workDir: string;
  /** Folders of this machine that the command sees, read-only and without what is mounted below them. */
  mounts?: readonly { source: string; target: string }[];
  /** `UID:GID` in place of the image's user. */
  user?: string;
  /** MiB. */
  memory: number;
  onStdout: (text: string) => void;
  onStderr: (text: string) => void;
}

export interface ConfinedResult {
  exitCode: number;
  outOfMemory: boolean;
  /** A tar archive of a folder of the container. */
  archiveOf: (path: string) => Promise<NodeJS.ReadableStream>;
}

/**
 * Runs a command as the image's user without network, without capabilities, on a read-only root, with limited
 * memory and processes. `use` sees the ended container, which is removed with its volume whatever happens.
 * @throws KlpError `container-failed` when it cannot be started, `interrupted`
 */
export async function runConfined<T>(
  docker: Docker,
  request: ConfinedRun,
  context: ControllerContext,
  use: (result: ConfinedResult) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  const container = await engineCall('make a container', signal, () =>
    docker.createContainer({
      Image: request.image,
      Cmd: request.argv,
      WorkingDir: request.workDir,
      Env: Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(request.user === undefined ? {} : { User: request.user }),
      Volumes: { [request.workDir]: {} },
      NetworkDisabled: true,
      Labels: { 'io.klp-docker.job': String(process.pid) },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        Mounts: (request.mounts ?? []).map(({ source, target }) => ({
          Type: 'bind' as const,
          Source: source,
          Target: target,
          ReadOnly: true,
          BindOptions: { Propagation: 'rprivate' as const, NonRecursive: true },
        })),
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=64m' },
        PidsLimit: 512,
        Memory: request.memory * 1024 * 1024,
        MemorySwap: request.memory * 1024 * 1024,
      },
    }),
  );
  // Ctrl-C kills the process; what waits for it then goes on to the removal.
  const kill = (): void => void container.kill().catch(() => undefined);
  signal.addEventListener('abort', kill, { once: true });
  try {
    return await engineCall('run a container', signal, async () => {
      // Not `portable`: that would take the right to write from the folders.
      const archive = createTar({ cwd: request.input }, ['.']);
      await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: request.workDir });
      const output = await container.attach({ stream: true, stdout: true, stderr: true });
      const stdout = new PassThrough().setEncoding('utf8').on('data', request.onStdout);
      const stderr = new PassThrough().setEncoding('utf8').on('data', request.onStderr);
      docker.modem.demuxStream(output, stdout, stderr);
      const ended = new Promise<void>((settle) => output.once('close', settle).once('end', settle));
      if (signal.aborted) throw new Error('aborted');
      await container.start();
      const { StatusCode } = (await container.wait()) as { StatusCode: number };
      await ended;
      if (signal.aborted) throw new KlpError('interrupted', 'interrupted; the container was removed');
      const { State } = await container.inspect();
      return use({
        exitCode: StatusCode,
        outOfMemory: State.OOMKilled,
        archiveOf: (path) => container.getArchive({ path, abortSignal: signal }),
      });
    });
  } finally {
    signal.removeEventListener('abort', kill);
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

/**
 * Hands a folder of an image to `use` as a tar archive, without running anything.
 * @throws KlpError `image-unusable` when the image has no such path
 */
export async function withImageFolder<T>(
  docker: Docker,
  image: string,
  path: string,
  signal: AbortSignal,
  use: (archive: NodeJS.ReadableStream) => Promise<T>,
): Promise<T> {
  const container = await engineCall('make a container', signal, () =>
    docker.createContainer({ Image: image, Cmd: ['true'], NetworkDisabled: true }),
  );
  try {
    const archive = await container.getArchive({ path, abortSignal: signal }).catch((error: unknown) => {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error;
      throw new KlpError('image-unusable', `${image} has no ${path}`);
    });
    return await engineCall(`copy ${path} out of ${image}`, signal, () => use(archive));
  } finally {
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

/** The content of one file of an image. @throws KlpError `image-unusable` */
export async function readImageFile(
  docker: Docker,
  image: string,
  path: string,
  signal: AbortSignal,
): Promise<Buffer> {
  return withImageFolder(docker, image, path, signal, async (archive) => {
    const parts: Buffer[] = [];
    await pipeline(
      archive,
      new Parser({ onReadEntry: (entry) => void entry.on('data', (part: Buffer) => parts.push(part)) }),
    );
    return Buffer.concat(parts);
  });
}

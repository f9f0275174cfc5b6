import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { KlpError } from '../../shared/errors.js';
import type { ControllerContext } from '../context.js';
import { engineCall } from './stream.js';

/** A terminal, as node's process has it. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
}

/** Where a command starts; paths of patches and sources are relative to it. */
const kernelTree = '/usr/src/linux';

/** How the engine says that a container's command is not there, or nothing that can be run. */
const noCommand = /executable file not found|no such file or directory|permission denied|is a directory/i;

/** Why a container did not start, from the engine's answer. */
export function startFailed(command: string, cause: unknown): KlpError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (message.includes(`exec: ${JSON.stringify(command)}`) && noCommand.test(message)) {
    return new KlpError('usage', `There is no such command in the image: ${command}`, {
      advice: 'Open a shell without a command to see what there is.',
      cause,
    });
  }
  return new KlpError('docker-failed', `Docker could not start the container: ${message}`, { cause });
}

/**
 * Runs a command in a fresh container of an image, connected to this terminal, without network. The container
 * is removed afterwards, whatever happens.
 * @returns the command's exit code
 * @throws KlpError `usage` when the image has no such command, `docker-failed`, `interrupted`
 */
export async function interactiveContainer(
  docker: Docker,
  image: string,
  argv: readonly string[],
  terminal: Terminal,
  context: ControllerContext,
): Promise<number> {
  const { signal } = context;
  const { stdin, stdout } = terminal;
  const tty = stdin.isTTY && stdout.isTTY;
  const container = await engineCall('make a container', signal, () =>
    docker.createContainer({
      Image: image,
      Cmd: [...argv],
      WorkingDir: kernelTree,
      Tty: tty,
      OpenStdin: true,
      StdinOnce: true,
      NetworkDisabled: true,
      Labels: { 'io.klp-docker.job': String(process.pid) },
      HostConfig: { NetworkMode: 'none', CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] },
    }),
  );
  const kill = (): void => void container.kill().catch(() => undefined);
  const resize = (): void =>
    void container.resize({ w: stdout.columns, h: stdout.rows }).catch(() => undefined);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const stream = (await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    })) as Duplex;
    const ended = new Promise<void>((settle) => stream.once('close', settle).once('end', settle));
    if (tty) stream.pipe(stdout, { end: false });
    else docker.modem.demuxStream(stream, stdout, process.stderr);
    await container.start().catch((cause: unknown) => {
      throw startFailed(argv[0] ?? '', cause);
    });
    if (tty) {
      stdin.setRawMode(true);
      resize();
      stdout.on('resize', resize);
    }
    stdin.pipe(stream);
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    await ended;
    if (signal.aborted) throw new KlpError('interrupted', 'interrupted; the container was removed');
    return StatusCode;
  } finally {
    signal.removeEventListener('abort', kill);
    stdin.unpipe();
    stdin.pause();
    if (tty) {
      stdin.setRawMode(false);
      stdout.off('resize', resize);
    }
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

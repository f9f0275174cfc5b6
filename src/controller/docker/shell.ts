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

/**
 * Runs a command in a fresh container of an image, connected to this terminal, without network. The container
 * is removed afterwards, whatever happens.
 * @returns the command's exit code
 * @throws KlpError `docker-failed`, `interrupted`
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
    await container.start();
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

import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { KlpError } from '../shared/errors.js';
import type { ControllerContext } from './context.js';

/**
 * Runs `use` while no other process of this network namespace runs one of the same name; a second one waits.
 *
 * The lock is a listening socket in Linux' abstract namespace: no file that could stay behind, and the kernel
 * lets go of it when its holder dies, however it dies. Who waits is connected to it and sees it close. Containers
 * that share a folder have names of their own each: what is done under a lock has to be right without it, too, if slower.
 * @param name of the lock
 * @param what is worked on, for the one who waits
 * @throws KlpError `interrupted` when the signal fires while waiting
 */
export async function withLock<T>(
  name: string,
  what: string,
  context: ControllerContext,
  use: () => Promise<T>,
): Promise<T> {
  const address = `\0klp-docker-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  let told = false;
  for (;;) {
    const release = await hold(address);
    if (release) {
      try {
        return await use();
      } finally {
        release();
      }
    }
    if (!told)
      context.progress({
        type: 'note',
        text: `another klp-docker is at work on ${what}; waiting until it is done`,
      });
    told = true;
    await closed(address, context.signal);
  }
}

/** Takes the lock and returns what releases it; undefined when it is taken. */
function hold(address: string): Promise<(() => void) | undefined> {
  return new Promise((settle, fail) => {
    const waiting = new Set<Socket>();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.unref();
      socket.on('error', () => waiting.delete(socket));
      socket.on('close', () => waiting.delete(socket));
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') settle(undefined);
      else fail(error);
    });
    server.listen(address, () => {
      server.unref();
      settle(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      });
    });
  });
}

/** Settles when the holder lets go or is gone. */
function closed(address: string, signal: AbortSignal): Promise<void> {
  return new Promise((settle, fail) => {
    const socket = connect(address);
    const stop = (): void => {
      socket.destroy();
      fail(new KlpError('interrupted', 'interrupted while waiting for another klp-docker'));
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    const end = (): void => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    socket.on('error', end);
    socket.on('close', end);
  });
}

import type { Writable } from 'node:stream';
import { codes } from '../shared/codes.js';
import { exitCodeOf } from '../shared/errors.js';

/** What the command line needs from the process around it; tests hand in their own. */
export interface Io {
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: NodeJS.ProcessEnv;
  /** Arguments after the program's name. */
  args: readonly string[];
  /** Fires on Ctrl-C and SIGTERM. */
  signal: AbortSignal;
}

/** What a write to a pipe, to a socket, and after either has failed, says when nobody reads any more. */
const readerGone = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

/**
 * Keeps a reader that went away (`klp-docker images | head -1`) from ending the program in the middle of its
 * work: what is written after that is dropped, the work and its exit code stay. Any other reason why nothing can
 * be written, as a full disk, does not end the work either, but is handed to `failed`.
 */
export function ignoreClosedPipe(stream: Writable, failed: (error: Error) => void = () => undefined): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!readerGone.has(error.code ?? '')) failed(error);
  });
}

/**
 * Tells in one line, on the stream that is left, that the result could not be written.
 * @returns the exit code for that
 */
export function reportLostOutput(stderr: Writable, error: Error): number {
  const code = 'output-not-writable';
  stderr.write(`error: standard output cannot be written: ${error.message} (klp-docker explain ${code})\n`);
  return exitCodeOf(codes[code].kind);
}

/** Waits until everything written to the stream has reached the operating system, or cannot any more. */
export async function flushed(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return;
  await new Promise<void>((resolve) => {
    stream.once('error', () => resolve());
    stream.once('close', () => resolve());
    stream.write('', () => resolve());
  });
}

import type { Readable } from 'node:stream';
import { KlpError } from '../../shared/errors.js';

/** One line of what the engine says while it builds, pulls or pushes. */
export interface StreamMessage {
  stream?: string;
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: unknown;
  error?: string;
}

/**
 * Reads an answer of JSON lines to its end and hands each message on. The engine answers 200 and reports
 * failures as `error` messages in between: the callback sees them and decides.
 * @throws KlpError `interrupted` when the signal fired, `docker-failed` when the connection broke
 */
export async function readMessages(
  answer: NodeJS.ReadableStream,
  signal: AbortSignal,
  onMessage: (message: StreamMessage) => void,
): Promise<void> {
  const stop = (): void => void (answer as Readable).destroy(new Error('interrupted'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  let rest = '';
  try {
    answer.setEncoding('utf8');
    for await (const chunk of answer) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') onMessage(JSON.parse(line) as StreamMessage);
    }
    if (rest.trim() !== '') onMessage(JSON.parse(rest) as StreamMessage);
  } catch (error) {
    if (signal.aborted) throw new KlpError('interrupted', 'interrupted while Docker was working');
    if (error instanceof KlpError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KlpError('docker-failed', `the connection to the Docker engine broke: ${why}`, {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Runs a call to the engine; what it throws becomes a KlpError. `what` completes "Docker could not ...". */
export async function engineCall<T>(what: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof KlpError) throw error;
    if (signal.aborted) throw new KlpError('interrupted', `interrupted while Docker was to ${what}`);
    throw new KlpError('docker-failed', `Docker could not ${what}: ${engineWords(error)}`, { cause: error });
  }
}

/** What the engine said in an answer that is an error, without the HTTP around it. */
export function engineWords(error: unknown): string {
  const said = (error as { json?: { message?: unknown } } | undefined)?.json?.message;
  if (typeof said === 'string') return said;
  return error instanceof Error ? error.message : String(error);
}

import { codes, type Code } from './codes.js';

/** Whose problem an error is; decides the exit code, and nothing else does. */
export type Kind =
  'defect' | 'usage' | 'refused' | 'nothing' | 'environment' | 'verification' | 'interrupted';

const exitCodes: Record<Kind, number> = {
  defect: 1,
  usage: 2,
  refused: 3,
  nothing: 4,
  environment: 5,
  verification: 6,
  interrupted: 130,
};

/** Where in the user's material something was found; every part is optional. */
export interface Place {
  file?: string;
  line?: number;
  function?: string;
  object?: string;
}

export interface ErrorDetail extends Place {
  /** What to do next; the code's own advice when left out. */
  advice?: string;
  /** Output of a compiler or build, shown below the message. */
  output?: string;
  /** The command that failed, as it can be rerun by hand. */
  command?: string;
  cause?: unknown;
}

/** An error meant for people: a stable code, what happened, where, and what to do next. */
export class KlpError extends Error {
  readonly code: Code;
  readonly detail: ErrorDetail;

  constructor(code: Code, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'KlpError';
    this.code = code;
    this.detail = detail;
  }

  get kind(): Kind {
    return codes[this.code].kind;
  }

  get advice(): string {
    return this.detail.advice ?? codes[this.code].advice;
  }
}

/** What the system says when a file system, or one user's share of it, is full. */
const fullDisk = new Set(['ENOSPC', 'EDQUOT']);

/** Anything thrown, as a KlpError; a full disk is known, and what nobody expected is a defect of ours. */
export function asKlpError(error: unknown): KlpError {
  if (error instanceof KlpError) return error;
  if (isFullDisk(error)) {
    const { path, message } = error;
    return new KlpError('no-disk-space', `no space is left for what is to be written: ${message}`, {
      cause: error,
      ...(path === undefined ? {} : { file: path }),
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const output = error instanceof Error ? error.stack : undefined;
  return new KlpError('internal', message, { cause: error, ...(output ? { output } : {}) });
}

/** True for the system's error for a full disk. */
export function isFullDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && fullDisk.has((error as NodeJS.ErrnoException).code ?? '');
}

/** The process exit code for a kind of error (see "Exit codes" in the README). */
export function exitCodeOf(kind: Kind): number {
  return exitCodes[kind];
}

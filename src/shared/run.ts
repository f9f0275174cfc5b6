import { execa } from 'execa';
import { KlpError } from './errors.js';
import type { Code } from './codes.js';

/** A finished program. `stdout` and `stderr` are text without the last newline. */
export interface RunResult {
  argv: string[];
  cwd: string;
  exitCode: number;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Text for standard input; without it the program has none. */
  input?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called for each line of output while the program runs. */
  onLine?: (line: string) => void;
  /** Exit codes that are not failures. Default: 0. */
  okCodes?: readonly number[];
  /** The code of the error thrown on failure. */
  failure?: Code;
  /** The message of that error; the default names the program and its exit code. */
  message?: string;
}

/** Every command that ran, for `--verbose`, `--log` and the debug folder. */
const history: RunResult[] = [];

export function commandHistory(): readonly RunResult[] {
  return history;
}

/** An argument vector as a line a person can paste into a shell. */
export function shellLine(argv: readonly string[], cwd?: string): string {
  const quoted = argv.map((a) => (/^[\w@%+=:,./-]+$/.test(a) ? a : `'${a.replaceAll("'", `'\\''`)}'`)).join(' ');
  return cwd === undefined ? quoted : `cd ${shellLine([cwd])} && ${quoted}`;
}

/**
 * Runs a program, never through a shell. The only place in the project that starts one that is waited for.
 * @throws KlpError with `failure` (default `internal`) when the exit code is not in `okCodes`, when the
 *   program cannot be started or runs out of time; `interrupted` when the signal fires.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new KlpError('internal', 'run() was given no program');
  const cwd = options.cwd ?? process.cwd();
  const started = performance.now();
  const child = execa(file, args, {
    cwd,
    reject: false,
    stripFinalNewline: true,
    maxBuffer: 512 * 1024 * 1024,
    ...(options.env ? { env: options.env } : {}),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  if (options.onLine) {
    const { onLine } = options;
    void (async () => {
      for await (const line of child.iterable({ from: 'all' as never })) onLine(String(line));
    })().catch(() => undefined);
  }
  const ended = await child;
  const result: RunResult = {
    argv: [...argv],
    cwd,
    exitCode: ended.exitCode ?? 127,
    stdout: ended.stdout,
    stderr: ended.stderr,
    ms: performance.now() - started,
  };
  history.push(result);
  if (ended.isCanceled) throw new KlpError('interrupted', `${file} was interrupted`);
  if (!ended.failed || (options.okCodes ?? [0]).includes(result.exitCode)) return result;
  const why = ended.timedOut
    ? `took longer than ${(options.timeoutMs ?? 0) / 1000} s`
    : ended.exitCode === undefined
      ? (ended.shortMessage ?? 'could not be started')
      : `exited with ${ended.exitCode}`;
  throw new KlpError(options.failure ?? 'internal', options.message ?? `${file} ${why}`, {
    output: result.stderr || result.stdout,
    command: shellLine(argv, cwd),
    cause: ended,
  });
}

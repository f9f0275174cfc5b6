import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { execa, type ResultPromise } from 'execa';
import { withoutCredentials } from './credentials.js';
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
  /** Longest time without a word on standard output or error. What the program has started is ended with it. */
  silenceMs?: number;
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

/** Every command that ran, with the end of what it printed, for `--verbose`, `--log` and the debug folder. */
const history: RunResult[] = [];
/** Characters of output that are remembered of a command: preprocessed files by the thousand would fill the memory. */
const keptOutput = 16 * 1024;

export function commandHistory(): readonly RunResult[] {
  return history;
}

/** The end of a long text. It is copied: a slice would keep the whole text in memory. */
function kept(text: string): string {
  if (text.length <= keptOutput) return text;
  const left = text.length - keptOutput;
  return Buffer.from(`[${left} characters before this are not kept]\n${text.slice(-keptOutput)}`).toString();
}

/** An argument vector as a line a person can paste into a shell; credentials in URLs are left out. */
export function shellLine(argv: readonly string[], cwd?: string): string {
  const quoted = argv
    .map(withoutCredentials)
    .map((a) => (/^[\w@%+=:,./-]+$/.test(a) ? a : `'${a.replaceAll("'", `'\\''`)}'`))
    .join(' ');
  return cwd === undefined ? quoted : `cd ${shellLine([cwd])} && ${quoted}`;
}

/**
 * Runs a program, never through a shell. The only place in the project that starts one that is waited for.
 * @throws KlpError with `failure` (default `internal`) when the exit code is not in `okCodes`, when the
 *   program cannot be started or runs out of time or of words; `interrupted` when the signal fires.
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
    all: options.onLine !== undefined,
    // Compilers take the folder's name from PWD where that leads to it, be it by a link: what was ours is not theirs.
    env: { PWD: resolve(cwd), ...options.env },
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    // In a process group of its own, which can be ended whole.
    ...(options.silenceMs === undefined ? {} : { detached: true, cleanup: false }),
  });
  const watch = watchSilence(child, options);
  if (options.onLine) {
    const { onLine } = options;
    void (async () => {
      for await (const line of child.iterable({ from: 'all' })) onLine(String(line));
    })().catch(() => undefined);
  }
  const ended = await child;
  watch.end();
  const result: RunResult = {
    argv: [...argv],
    cwd,
    exitCode: ended.exitCode ?? 127,
    stdout: ended.stdout,
    stderr: ended.stderr,
    ms: performance.now() - started,
  };
  history.push({ ...result, stdout: kept(result.stdout), stderr: kept(result.stderr) });
  if (ended.isCanceled) throw new KlpError('interrupted', `${file} was interrupted`);
  if (!ended.failed || (options.okCodes ?? [0]).includes(result.exitCode)) return result;
  const late = watch.silent()
    ? `said nothing for ${(options.silenceMs ?? 0) / 1000} s`
    : ended.timedOut
      ? `took longer than ${(options.timeoutMs ?? 0) / 1000} s`
      : undefined;
  const why =
    late ??
    (ended.exitCode === undefined
      ? (ended.shortMessage ?? 'could not be started')
      : `exited with ${ended.exitCode}`);
  const message = options.message === undefined || late !== undefined ? `${file} ${why}` : undefined;
  throw new KlpError(options.failure ?? 'internal', [options.message, message].filter(Boolean).join(': '), {
    output: withoutCredentials(result.stderr || result.stdout),
    command: shellLine(argv, cwd),
    cause: ended,
  });
}

/** Ends a program and all that it has started when it says nothing for too long, and when the signal fires. */
function watchSilence(
  child: Pick<ResultPromise, 'pid' | 'stdout' | 'stderr'>,
  { silenceMs, signal }: RunOptions,
): { silent: () => boolean; end: () => void } {
  let silent = false;
  if (silenceMs === undefined) return { silent: () => silent, end: () => undefined };
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      // It has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const timer = setTimeout(() => {
    silent = true;
    kill();
  }, silenceMs);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', () => timer.refresh());
  signal?.addEventListener('abort', kill, { once: true });
  return {
    silent: () => silent,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    },
  };
}

/** A program that runs beside us. */
export interface RunningProgram {
  /** Settles when the program has ended; never rejects. */
  ended: Promise<{ exitCode: number | undefined; signal: string | undefined; stderr: string }>;
  /** Ends it at once, without asking; safe to call again. */
  kill: () => void;
}

/**
 * Starts a program that is listened to while it runs, such as a virtual machine. It does not outlive us: it is
 * killed when `signal` fires, when this process exits, and, where util-linux' setpriv is there, by the
 * kernel when this process dies without a chance to clean up.
 * @param onOutput gets standard output as it comes, in pieces of any size
 */
export function start(
  argv: readonly string[],
  options: { cwd?: string; signal: AbortSignal; onOutput: (text: string) => void },
): RunningProgram {
  const cwd = options.cwd ?? process.cwd();
  const started = performance.now();
  const [file, ...args] = diesWithUs(argv);
  if (file === undefined) throw new KlpError('internal', 'start() was given no program');
  const child = execa(file, args, {
    cwd,
    reject: false,
    stdin: 'ignore',
    buffer: { stdout: false },
    cleanup: true,
    cancelSignal: options.signal,
    killSignal: 'SIGKILL',
  });
  const decoder = new StringDecoder('utf8');
  child.stdout.on('data', (piece: Buffer) => options.onOutput(decoder.write(piece)));
  const ended = child.then((result) => {
    const stderr = result.stderr;
    const exitCode = result.exitCode;
    history.push({
      argv: [...argv],
      cwd,
      exitCode: exitCode ?? 137,
      stdout: '',
      stderr,
      ms: performance.now() - started,
    });
    return { exitCode, signal: result.signal, stderr };
  });
  return { ended, kill: () => void child.kill('SIGKILL') };
}

/** The same command, started so that the kernel kills it when its parent is gone. */
function diesWithUs(argv: readonly string[]): string[] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  return setpriv === undefined ? [...argv] : [setpriv, '--pdeathsig', 'KILL', '--', ...argv];
}

/** A service of the machine that we started and will stop again. */
export interface Daemon {
  ended: () => boolean;
  /** Asks it to end, and ends it when it has not done so in 20 s. */
  stop: () => Promise<void>;
}

/**
 * Starts a service, such as a Docker engine, in a session of its own: a Ctrl-C meant for us does not reach it,
 * so that there is something to clean up with.
 * @param log file that its output is appended to
 */
export function startDaemon(argv: readonly string[], log: string): Daemon {
  const [file, ...args] = argv;
  if (file === undefined) throw new KlpError('internal', 'startDaemon() was given no program');
  mkdirSync(dirname(log), { recursive: true });
  const output = { file: log, append: true } as const;
  const child = execa(file, args, {
    reject: false,
    detached: true,
    cleanup: false,
    buffer: false,
    stdin: 'ignore',
    stdout: output,
    stderr: output,
    forceKillAfterDelay: 20_000,
  });
  let over = false;
  const end = child.then(() => {
    over = true;
  });
  return {
    ended: () => over,
    stop: async () => {
      child.kill('SIGTERM');
      await end;
    },
  };
}

import { spawn, type ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../src/cli/main.js';

export interface CliRun {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

const entry = fileURLToPath(new URL('../../bin/klp-docker.js', import.meta.url));

/** Starts the real program as a process of its own. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

/** Runs the real program to its end. */
export async function spawnCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliRun> {
  const child = startCli(args, env);
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, exitCode };
}

/** Runs a command line in this process. */
export async function callCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliRun> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await runCli({ stdout, stderr, env, args, signal: new AbortController().signal });
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { exitCode, stdout: out, stderr: err };
}

/** Collects what a program prints, and calls `then` once when its stderr matches for the first time. */
export async function textOf(child: ChildProcess, moment: RegExp, then: () => void): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  let waiting = true;
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
    if (!waiting || !moment.test(stderr)) return;
    waiting = false;
    then();
  });
  const exitCode = await new Promise<number | null>((resolve) =>
    child.once('close', (code) => resolve(code)),
  );
  return { stdout, stderr, exitCode };
}

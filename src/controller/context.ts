import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { KlpError } from '../shared/errors.js';
import type { Progress } from '../shared/progress.js';
import type { Finding } from '../shared/result.js';

/** What every function of the controller works with. */
export interface ControllerContext {
  progress: Progress;
  /** Milliseconds per stage; added to. */
  timings: Record<string, number>;
  /** What the user should know and what is no error; added to. */
  findings: Finding[];
  signal: AbortSignal;
  /** Where downloads, locks and boot files are kept. */
  cacheDir: string;
  /** Settings from the environment: KLP_DOCKER_*, DOCKER_HOST and the proxies. */
  env: Readonly<Record<string, string | undefined>>;
  /** Waits (milliseconds); ends early, without an error, when the signal fires. */
  pause: (ms: number) => Promise<void>;
}

/** A context for one command. The cache is KLP_DOCKER_CACHE, else klp-docker in the user's cache folder. */
export function controllerContext(
  known: {
    progress: Progress;
    timings: Record<string, number>;
    findings?: Finding[];
    signal?: AbortSignal;
    pause?: ControllerContext['pause'];
  },
  env: Readonly<Record<string, string | undefined>> = process.env,
): ControllerContext {
  const signal = known.signal ?? new AbortController().signal;
  return {
    progress: known.progress,
    timings: known.timings,
    findings: known.findings ?? [],
    signal,
    cacheDir: resolve(
      env.KLP_DOCKER_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'klp-docker'),
    ),
    env,
    pause: known.pause ?? ((ms) => setTimeout(ms, undefined, { signal }).catch(() => undefined)),
  };
}

/** @throws KlpError `interrupted` when the user has asked to stop. */
export function checkInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new KlpError('interrupted', 'interrupted');
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { KlpError } from '../../shared/errors.js';
import { stage } from '../../shared/progress.js';
import { startDaemon } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { onPath } from '../path.js';

/** The API of Docker 20.10, which Debian 12 carries; newer engines still speak it. */
const apiVersion = 'v1.41';
/** How long an engine that is there may take to say so, and one that starts to be there. */
const pingMs = 5_000;
const startMs = 60_000;

/** Where an engine may listen, in the order in which they are tried. */
function endpoints(env: ControllerContext['env']): Docker.DockerOptions[] {
  const host = env.DOCKER_HOST;
  if (host?.startsWith('unix://')) return [{ socketPath: host.slice('unix://'.length) }];
  // docker-modem reads DOCKER_HOST and the TLS settings by itself.
  if (host) return [{}];
  const sockets = ['/var/run/docker.sock'];
  if (env.XDG_RUNTIME_DIR) sockets.push(join(env.XDG_RUNTIME_DIR, 'docker.sock'));
  return sockets.map((socketPath) => ({ socketPath }));
}

/** Undefined when the engine answers in time, else why not. */
async function silence(docker: Docker): Promise<string | undefined> {
  const limit = sleep(pingMs, `no answer in ${pingMs / 1000} s`, { ref: false });
  const answer = docker.ping().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message || error.name : String(error)),
  );
  return Promise.race([answer, limit]);
}

async function tryConnect(env: ControllerContext['env']): Promise<{ docker: Docker } | { why: string }> {
  const problems: string[] = [];
  for (const endpoint of endpoints(env)) {
    const docker = new Docker({ ...endpoint, version: apiVersion });
    const problem = await silence(docker);
    if (problem === undefined) return { docker };
    problems.push(`${endpoint.socketPath ?? env.DOCKER_HOST ?? ''}: ${problem}`);
  }
  return { why: problems.join('; ') };
}

/**
 * Connects to a Docker engine that is running: DOCKER_HOST, else the usual sockets.
 * @throws KlpError `docker-not-reachable`
 */
export async function connectEngine(context: Pick<ControllerContext, 'env'>): Promise<Docker> {
  const found = await tryConnect(context.env);
  if ('docker' in found) return found.docker;
  throw new KlpError('docker-not-reachable', `no Docker engine answers (${found.why})`);
}

/**
 * Runs `use` with an engine. When none answers and this is root with dockerd installed, one is started for the
 * time of `use` and stopped after it; an engine that was running is left alone.
 * @throws KlpError `docker-not-reachable`
 */
export async function withEngine<T>(
  context: ControllerContext,
  use: (docker: Docker) => Promise<T>,
  options: { start?: boolean } = {},
): Promise<T> {
  const found = await tryConnect(context.env);
  if ('docker' in found) return use(found.docker);
  const may = options.start !== false && mayStartEngine(context.env);
  if (!may) throw new KlpError('docker-not-reachable', `no Docker engine answers (${found.why})`);

  const log = join(context.cacheDir, 'dockerd.log');
  const engine = startDaemon(['dockerd'], log);
  try {
    const docker = await stage('start engine', context, () => waitForEngine(context, engine, log));
    return await use(docker);
  } finally {
    await engine.stop();
  }
}

/** Whether the engine works on this machine's disk. */
export function isLocal(env: ControllerContext['env']): boolean {
  return !env.DOCKER_HOST || env.DOCKER_HOST.startsWith('unix://');
}

/** Whether this user could start an engine here: root, dockerd installed, and no other engine asked for. */
export function mayStartEngine(env: ControllerContext['env']): boolean {
  return process.getuid?.() === 0 && !env.DOCKER_HOST && onPath('dockerd') !== undefined;
}

async function waitForEngine(
  context: ControllerContext,
  engine: { ended: () => boolean },
  log: string,
): Promise<Docker> {
  const deadline = performance.now() + startMs;
  for (;;) {
    if (existsSync('/var/run/docker.sock')) {
      const found = await tryConnect(context.env);
      if ('docker' in found) return found.docker;
    }
    if (context.signal.aborted)
      throw new KlpError('interrupted', 'interrupted while the Docker engine started');
    if (engine.ended() || performance.now() > deadline) {
      throw new KlpError(
        'docker-not-reachable',
        `dockerd was started and did not come up; its log is ${log}`,
      );
    }
    await sleep(200);
  }
}

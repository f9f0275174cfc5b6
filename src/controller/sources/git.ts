import { withoutCredentials } from '../../shared/credentials.js';
import { KlpError } from '../../shared/errors.js';
import { withTempDir } from '../../shared/files.js';
import { run, type RunOptions } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { stallLimit } from './http.js';
import { archiveOf, makefileVersion } from './local.js';
import type { ResolvedSource } from './types.js';

/**
 * A tag (or branch, or commit) of a git repository, fetched without history. A server that says nothing for the time
 * that a download may stand still is given up, and nobody is asked for a password.
 * @throws KlpError `source-not-found`, `source-unusable`
 */
export async function findInGit(
  url: string,
  tag: string,
  context: ControllerContext,
): Promise<ResolvedSource> {
  const shown = `${withoutCredentials(url)}#${tag}`;
  if (url.startsWith('-') || tag.startsWith('-'))
    throw new KlpError('source-invalid', `not a git source: ${shown}`);
  const silenceMs = stallLimit(context);
  const seconds = Math.ceil(silenceMs / 1000);
  // For what outlives this process, too.
  const limits = ['http.lowSpeedLimit=1', `http.lowSpeedTime=${seconds}`].flatMap((value) => ['-c', value]);
  return withTempDir('klp-docker-git', async (dir) => {
    const ssh = await sshCommand(dir, seconds, context);
    const git = (args: string[], options: Pick<RunOptions, 'silenceMs'> = {}) =>
      run(['git', '-c', 'protocol.ext.allow=never', ...limits, '-C', dir, ...args], {
        ...options,
        signal: context.signal,
        env: { GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: ssh },
        failure: 'source-not-found',
        message: `git cannot fetch ${shown}`,
        onLine: (text) => context.progress({ type: 'line', text: withoutCredentials(text) }),
      });
    await git(['init', '--quiet', '--bare']);
    await git(['fetch', '--depth=1', '--progress', '--', url, tag], { silenceMs });
    const makefile = await git(['show', 'FETCH_HEAD:Makefile']);
    const version = makefileVersion(makefile.stdout);
    if (version === undefined)
      throw new KlpError('source-unusable', `${shown} has no kernel Makefile at its top`);
    const archive = await archiveOf(context, (file) =>
      git(['archive', '--format=tar', '--prefix=linux/', `--output=${file}`, 'FETCH_HEAD']),
    );
    return { ...version, origin: `git+${shown}`, ...archive };
  });
}

/** The user's own ssh command, and what keeps it from asking and from waiting; what the user says comes first. */
async function sshCommand(dir: string, seconds: number, { signal, env }: ControllerContext): Promise<string> {
  const asked = ['git', '-C', dir, 'config', '--get', 'core.sshCommand'];
  const own = env.GIT_SSH_COMMAND ?? (await run(asked, { signal, okCodes: [0, 1] })).stdout;
  return `${own || 'ssh'} -o BatchMode=yes -o ConnectTimeout=${seconds} -o ServerAliveInterval=${seconds}`;
}

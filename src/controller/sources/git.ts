import { withoutCredentials } from '../../shared/credentials.js';
import { KlpError } from '../../shared/errors.js';
import { withTempDir } from '../../shared/files.js';
import { run } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { archiveOf, makefileVersion } from './local.js';
import type { ResolvedSource } from './types.js';

/**
 * A tag (or branch, or commit) of a git repository, fetched without history.
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
  return withTempDir('klp-docker-git', async (dir) => {
    const git = (...args: string[]) =>
      run(['git', '-c', 'protocol.ext.allow=never', '-C', dir, ...args], {
        signal: context.signal,
        env: { GIT_TERMINAL_PROMPT: '0' },
        failure: 'source-not-found',
        message: `git cannot fetch ${shown}`,
        onLine: (text) => context.progress({ type: 'line', text: withoutCredentials(text) }),
      });
    await git('init', '--quiet', '--bare');
    await git('fetch', '--depth=1', '--progress', '--', url, tag);
    const makefile = await git('show', 'FETCH_HEAD:Makefile');
    const version = makefileVersion(makefile.stdout);
    if (version === undefined)
      throw new KlpError('source-unusable', `${shown} has no kernel Makefile at its top`);
    const archive = await archiveOf(context, (file) =>
      git('archive', '--format=tar', '--prefix=linux/', `--output=${file}`, 'FETCH_HEAD'),
    );
    return { ...version, origin: `git+${shown}`, ...archive };
  });
}

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type Docker from 'dockerode';
import { create as createTar } from 'tar';
import { isCode } from '../../shared/outcome.js';
import { KlpError } from '../../shared/errors.js';
import { withTempDir } from '../../shared/files.js';
import type { ControllerContext } from '../context.js';
import { engineCall, readMessages } from './stream.js';

/** How many of the last lines of a failed build are shown. */
const shownLines = 40;

export interface BuildRequest {
  /** The Dockerfile's text. */
  dockerfile: string;
  /** The build context: names in it to files or folders on disk. */
  files: Record<string, string>;
  args: Record<string, string>;
  labels: Record<string, string>;
  /** Stage to build; the last one when left out. */
  target?: string;
  /** Run every step, whatever an earlier build has left. */
  fresh?: boolean;
}

/**
 * Builds an image and returns its id; it has no name yet. Steps run in the host's network, where a mirror on
 * the local network or loopback is reachable. Every line of output becomes a progress event.
 * @throws KlpError `image-build-failed` with the failing command and the last lines; the code that a build
 *   script itself gave (`klp-docker: CODE: ...`); `interrupted`
 */
export async function buildImage(
  docker: Docker,
  request: BuildRequest,
  context: ControllerContext,
): Promise<string> {
  return withTempDir('klp-docker-context', async (dir) => {
    await writeFile(join(dir, 'Dockerfile'), request.dockerfile);
    for (const [name, path] of Object.entries(request.files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await symlink(path, join(dir, name));
    }
    const archive = createTar({ cwd: dir, follow: true, portable: true }, ['.']);
    const answer = await engineCall('start a build', context.signal, () =>
      docker.buildImage(archive as unknown as NodeJS.ReadableStream, {
        dockerfile: 'Dockerfile',
        buildargs: request.args,
        labels: request.labels,
        networkmode: 'host',
        rm: true,
        forcerm: true,
        nocache: request.fresh === true,
        abortSignal: context.signal,
        ...(request.target === undefined ? {} : { target: request.target }),
      }),
    );
    return readBuild(answer, context);
  });
}

/** Follows the output of a build to the image's id. */
export async function readBuild(
  answer: NodeJS.ReadableStream,
  context: Pick<ControllerContext, 'signal' | 'progress'>,
): Promise<string> {
  const output: string[] = [];
  let step = '';
  let id = '';
  let refusal: KlpError | undefined;
  let failure: string | undefined;
  let rest = '';
  const line = (coloured: string): void => {
    // The engine colours what a step writes to standard error, and a step may colour too.
    const text = stripVTControlCharacters(coloured).replace(/\r$/, '');
    output.push(text);
    if (output.length > shownLines) output.shift();
    if (/^Step \d+\/\d+ : /.test(text)) step = text.replace(/^Step \d+\/\d+ : /, '');
    const said = /^klp-docker: ([a-z0-9-]+): (.*)$/.exec(text);
    if (said?.[1] === 'note') context.progress({ type: 'note', text: said[2] ?? '' });
    else if (said?.[1] !== undefined && isCode(said[1])) refusal ??= new KlpError(said[1], said[2] ?? '');
    context.progress({ type: 'line', text });
  };
  await readMessages(answer, context.signal, (message) => {
    if (message.error !== undefined) failure ??= message.error;
    const aux = message.aux as { ID?: string } | undefined;
    if (aux?.ID) id = aux.ID;
    const lines = (rest + (message.stream ?? '')).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) line(text);
  });
  if (rest !== '') line(rest);
  if (failure === undefined && id !== '') return id;
  if (refusal) throw refusal;
  throw new KlpError('image-build-failed', `the image build failed at: ${step || 'its start'}`, {
    output: [...output, failure ?? 'the engine ended the build without an image'].join('\n'),
    command: step,
  });
}

import { join, resolve } from 'node:path';
import { projectRoot } from '../shared/catalog.js';
import { stage } from '../shared/progress.js';
import type { ResultDocument } from '../shared/result.js';
import { run } from '../shared/run.js';
import type { ControllerContext } from './context.js';
import { parseEvent, parseResult, type GenerateJob } from './generate.js';
import type { UserTree } from './tree.js';

/** The engine's exit codes that come with a result document. */
const withResult = [0, 1, 2, 3, 4, 5];

/**
 * Runs the engine on this machine, on a kernel tree whose compiler is in no image. No Docker.
 * @returns the engine's result document; artifact paths are absolute
 * @throws KlpError `container-failed` when the engine says nothing, `interrupted`
 */
export async function generateOnHost(
  tree: UserTree,
  request: GenerateJob,
  context: ControllerContext,
): Promise<ResultDocument> {
  const outDir = resolve(request.outDir);
  const argv = [
    process.execPath,
    join(projectRoot(), 'bin', 'llpatch.js'),
    '--json',
    '--events',
    ...['--arch', tree.arch.name],
    ...['-k', tree.dir, '-o', outDir],
    ...(request.callbacks === undefined ? [] : ['--callbacks', request.callbacks]),
    ...(request.noReplace === true ? ['--no-replace'] : []),
    ...(request.debugDir === undefined ? [] : ['--debug-dir', request.debugDir]),
    ...(request.name === undefined ? [] : ['--name', request.name]),
    '--',
    ...request.patches,
  ];
  const { signal, progress } = context;
  const onLine = (line: string): void => {
    const event = parseEvent(line);
    if (event !== undefined) progress(event);
  };
  const ran = await stage('engine', context, () => run(argv, { signal, onLine, okCodes: withResult }));
  const result = parseResult(ran.stdout, ran.exitCode, ran.stderr);
  const artifacts = result.artifacts.map((artifact) => ({ ...artifact, path: join(outDir, artifact.path) }));
  return { ...result, artifacts };
}

import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';
import type { ControllerContext } from '../../../src/controller/context.js';
import type { Image } from '../../../src/controller/images.js';
import { resultSchema, type ResultDocument } from '../../../src/shared/result.js';
import { makeModules, runInImage } from '../kernel.js';
import { patchOf } from './edit.js';
import type { Behaviour } from './types.js';

/** What was made for the cases, below one folder. */
export interface Made {
  /** klp_probe.ko. */
  probe: string;
  /** Each case's result document, and where its module is. */
  results: Map<string, { document: ResultDocument; module: string }>;
}

/** What the engine is given: a patch under a name. */
type Given = Pick<Behaviour, 'name' | 'edits' | 'noReplace'>;

/** Copies the sources that the cases edit to the folder /job of a container. */
const copySources = (cases: readonly Given[]): string => {
  const files = [...new Set(cases.flatMap(({ edits }) => edits.map(({ file }) => file)))];
  return `cd /usr/src/linux && cp --parents ${files.join(' ')} /job`;
};

/**
 * Makes the livepatches of all cases, in two containers: one builds the test module and copies the sources out, for
 * the patches are made from the kernel's own text; the other runs the engine once for each case.
 * @param dir an empty folder
 * @throws Error when an edit does not fit the kernel, or the engine gives no result
 */
export async function generateAll(
  docker: Docker,
  image: Image,
  cases: readonly Pick<Behaviour, 'name' | 'edits' | 'noReplace'>[],
  dir: string,
  context: ControllerContext,
): Promise<Made> {
  const build = join(dir, 'build');
  await cp(join(import.meta.dirname, '..', 'modules-behaviour'), build, { recursive: true });
  const built = join(dir, 'built');
  await mkdir(built);
  const command = `${makeModules(image).join(' ')} && ${copySources(cases)}`;
  await runInImage(docker, image, build, ['sh', '-c', command], built, context);
  const results = await runEngine(docker, image, cases, built, dir, context);
  return { probe: join(built, 'klp_probe.ko'), results };
}

/**
 * What the engine makes of all cases, by name.
 * @param dir an empty folder
 * @throws Error when an edit does not fit the kernel, or the engine gives no result
 */
export async function engineResults(
  docker: Docker,
  image: Image,
  cases: readonly Given[],
  dir: string,
  context: ControllerContext,
): Promise<Made['results']> {
  const [empty, sources] = [join(dir, 'empty'), join(dir, 'sources')];
  await mkdir(empty);
  await mkdir(sources);
  await runInImage(docker, image, empty, ['sh', '-c', copySources(cases)], sources, context);
  return await runEngine(docker, image, cases, sources, dir, context);
}

/** Runs the engine once for each case. @param sources a folder with the files that the cases edit */
async function runEngine(
  docker: Docker,
  image: Image,
  cases: readonly Given[],
  sources: string,
  dir: string,
  context: ControllerContext,
): Promise<Made['results']> {
  const texts = new Map<string, string>();
  for (const file of cases.flatMap(({ edits }) => edits.map((edit) => edit.file))) {
    texts.set(file, await readFile(join(sources, file), 'utf8'));
  }
  const job = join(dir, 'job');
  for (const one of cases) {
    const text = patchOf(one.edits, (file) => texts.get(file) ?? '');
    const path = join(job, 'in', `${one.name}.patch`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await writeFile(join(job, 'in', `${one.name}.options`), one.noReplace === true ? '--no-replace' : '');
  }
  // The container's user is not the owner of what is copied in.
  for (const path of ['out', 'tmp', '']) {
    await mkdir(join(job, path), { recursive: true });
    await chmod(join(job, path), 0o777);
  }
  const engine = [
    'TMPDIR=/job/tmp HOME=/job/tmp llpatch --json -k /usr/src/linux -o /job/out --skip-pkg-build',
    '--name {} $(cat in/{}.options) in/{}.patch > out/{}.result.json 2> out/{}.errors || true',
  ].join(' ');
  const names = cases.map(({ name }) => name).join(' ');
  const argv = ['sh', '-c', `echo ${names} | tr ' ' '\\n' | xargs -P 2 -I {} sh -c '${engine}'`];
  const to = join(dir, 'made');
  await mkdir(to);
  await runInImage(docker, image, job, argv, to, context);

  const results: Made['results'] = new Map();
  for (const { name } of cases) {
    const json = await readFile(join(to, 'out', `${name}.result.json`), 'utf8');
    const document = resultSchema.parse(JSON.parse(json));
    results.set(name, { document, module: join(to, 'out', `livepatch-${name}.ko`) });
  }
  return results;
}

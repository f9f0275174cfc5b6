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

/**
 * Makes the livepatches of all cases, in two containers: one builds the test module and copies the sources out, for
 * the patches are made from the kernel's own text; the other runs the engine once for each case.
 * @param dir an empty folder
 * @throws Error when an edit does not fit the kernel, or the engine gives no result
 */
export async function generateAll(
  docker: Docker,
  image: Image,
  cases: readonly Behaviour[],
  dir: string,
  context: ControllerContext,
): Promise<Made> {
  const build = join(dir, 'build');
  await cp(join(import.meta.dirname, '..', 'modules-behaviour'), build, { recursive: true });
  const files = [...new Set(cases.flatMap(({ edits }) => edits.map(({ file }) => file)))];
  const copy = `cd /usr/src/linux && cp --parents ${files.join(' ')} /job`;
  const built = join(dir, 'built');
  await mkdir(built);
  const make = makeModules(image).join(' ');
  await runInImage(docker, image, build, ['sh', '-c', `${make} && ${copy}`], built, context);

  const texts = new Map<string, string>();
  for (const file of files) texts.set(file, await readFile(join(built, file), 'utf8'));
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
  return { probe: join(built, 'klp_probe.ko'), results };
}

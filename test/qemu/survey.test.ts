import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { readImageFile } from '../../src/controller/docker/container.js';
import { ensureImage } from '../../src/controller/images.js';
import { resultSchema, type ResultDocument, type SurveyedItem } from '../../src/shared/result.js';
import { spawnCli } from '../helpers/cli.js';
import { nameOf, optionsFor, pinnedKernels, type TestedKernel } from '../setup/engine.js';

/** What the newer of two kernels has in place of what the older one has, file by file. */
const changes: { path: string; from: string | RegExp; to: string }[] = [
  {
    path: 'fs/proc/meminfo.c',
    from: 'si_meminfo(&i);',
    to: 'si_meminfo(&i);\n\ti.sharedram += KLP_SURVEY_PAGES;',
  },
  { path: 'fs/proc/internal.h', from: /^/, to: '#define KLP_SURVEY_PAGES 16\n' },
  { path: 'fs/proc/uptime.c', from: /(?=seq_printf\(m, )/, to: 'seq_puts(m, "");\n\t' },
  { path: 'fs/proc/loadavg.c', from: /^/, to: '/* Nothing but a comment. */\n' },
  {
    path: 'kernel/hung_task.c',
    from: 'sysctl_hung_task_warnings = 10;',
    to: 'sysctl_hung_task_warnings = 20;',
  },
  { path: 'drivers/tty/serial/max3100.c', from: /^/, to: 'int klp_survey;\n' },
  { path: 'Documentation/index.rst', from: /$/, to: 'More.\n' },
];

const context = controllerContext({ progress: () => undefined, timings: {} });
let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'klp-survey-test-'))));
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Two source folders that hold the changed files alone. */
async function twoKernels(tested: TestedKernel, base: string): Promise<void> {
  await withEngine(context, async (docker) => {
    const image = await ensureImage(docker, tested, context);
    const put = async (side: string, path: string, text: string): Promise<void> => {
      await mkdir(dirname(join(base, side, path)), { recursive: true });
      await writeFile(join(base, side, path), text);
    };
    for (const { path, from, to } of [...changes, { path: 'Makefile', from: '', to: '' }]) {
      const bytes = await readImageFile(docker, image.digest, `/usr/src/linux/${path}`, context.signal);
      const [before, after] = [bytes.toString('utf8'), bytes.toString('utf8').replace(from, () => to)];
      await put('from', path, before);
      await put('to', path, after);
    }
  });
}

const kernels = pinnedKernels.filter(({ kernel }) => kernel === pinnedKernels[0]?.kernel);

describe.each(kernels.map((one) => [nameOf(one), one] as const))('a survey on %s', (name, tested) => {
  const base = (): string => join(dir, name);
  let document: ResultDocument;
  let exitCode: number | null;

  async function survey(): Promise<void> {
    const ran = await spawnCli([
      ...['survey', ...optionsFor(tested), '--json', '--verify'],
      ...['--from', join(base(), 'from'), '--to', join(base(), 'to'), '-o', join(base(), 'out')],
    ]);
    document = resultSchema.parse(JSON.parse(ran.stdout));
    exitCode = ran.exitCode;
  }

  const item = (path: string): SurveyedItem | undefined =>
    document.survey?.items.find((one) => one.name === path);

  beforeAll(async () => {
    await twoKernels(tested, base());
    await survey();
  });

  it('comes to its end', () => {
    expect(document.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect({ status: document.status, exitCode }).toEqual({ status: 'surveyed', exitCode: 0 });
    expect(document.survey?.items).toHaveLength(changes.length);
  });

  it('has a verified livepatch of a file that needs nothing else', () => {
    expect(item('fs/proc/uptime.c')).toMatchObject({
      outcome: 'verified',
      with: [],
      functions: 1,
      touched: 1,
    });
  });

  it('has a verified livepatch of a file with the header that it needs', () => {
    expect(item('fs/proc/meminfo.c')).toMatchObject({
      outcome: 'verified',
      with: ['fs/proc/internal.h'],
      attempts: [{ with: [], code: 'does-not-compile' }],
    });
  });

  it.each([
    { path: 'kernel/hung_task.c', outcome: 'refused', code: 'data-changed' },
    { path: 'fs/proc/loadavg.c', outcome: 'nothing-to-patch', code: 'no-effect' },
    { path: 'fs/proc/internal.h', outcome: 'nothing-to-patch' },
    { path: 'drivers/tty/serial/max3100.c', outcome: 'not-in-config', code: 'not-built' },
    { path: 'Documentation/index.rst', outcome: 'nothing-to-patch', code: 'nothing-to-patch' },
  ])('says of $path: $outcome', ({ path, ...expected }) => {
    expect(item(path)).toMatchObject(expected);
  });

  it('leaves modules and results in its folder', async () => {
    const files = await readdir(join(base(), 'out'), { recursive: true });
    expect(files).toContain('survey.json');
    for (const { module, outcome } of document.survey?.items ?? []) {
      if (outcome === 'verified') expect(files).toContain(module);
    }
  });

  it('takes what is done when it is run again', async () => {
    const first = document.survey;
    const record = join(base(), 'out', item('fs/proc/uptime.c')?.folder ?? '', 'survey-item.json');
    const { mtimeMs } = await stat(record);
    await survey();
    expect(document.survey).toEqual(first);
    expect((await stat(record)).mtimeMs).toBe(mtimeMs);
  });
});

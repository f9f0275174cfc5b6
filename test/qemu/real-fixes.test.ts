import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { generateInImage } from '../../src/controller/generate.js';
import { ensureImage, type Image } from '../../src/controller/images.js';
import { parseSource, resolveSource } from '../../src/controller/sources.js';
import type { ResultDocument } from '../../src/shared/result.js';
import { verify, type Verified } from '../../src/verify/verify.js';
import { nameOf, pinnedKernels, type TestedKernel } from '../setup/engine.js';
import { unpackFiles } from './sources.js';

/**
 * What changed between two point releases of the kernel, file by file, as a stable release made it. The list holds
 * facts alone; the patches are made here, from the sources of the two releases.
 */
interface Fixes {
  from: string;
  to: string;
  arch: string;
  llvm?: number;
  fixes: { file: string; functions: string[] }[];
  refused: { file: string; code: string }[];
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const sets = read('test/fixtures/real-fixes.json') as Fixes[];
const isOf =
  (set: Fixes) =>
  ({ kernel, arch, llvm, config }: TestedKernel): boolean =>
    set.from === kernel && set.arch === arch && set.llvm === llvm && config === undefined;

const context = controllerContext({ progress: () => undefined, timings: {} });
let scratch: string;
let docker: Awaited<ReturnType<typeof connectEngine>>;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'klp-real-fixes-'));
  docker = await connectEngine(context);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it('each set of fixes belongs to a kernel that is tested', () => {
  const known = Object.values(read('scripts/pinned.json') as Record<string, unknown>)
    .filter((list) => Array.isArray(list))
    .flat() as TestedKernel[];
  for (const set of sets) expect(known.some(isOf(set)), `${set.from} ${set.arch}`).toBe(true);
});

const ofThisRun = sets.flatMap((set) =>
  pinnedKernels.filter(isOf(set)).map((tested) => [nameOf(tested), set.to, tested, set] as const),
);

describe.each(ofThisRun)('fixes from Linux %s to %s', (name, to, tested, { from, fixes, refused }) => {
  const made: { name: string; module: string; objects: string[] }[] = [];
  const dir = (): string => join(scratch, name);
  let image: Image;

  beforeAll(async () => {
    image = await ensureImage(docker, tested, context);
    const names = [...fixes, ...refused].map((f) => f.file);
    for (const version of [from, to]) {
      const source = await resolveSource(version, parseSource(undefined), context);
      unpackFiles(await source.fetch(), names, join(dir(), version));
    }
  });

  function patchFor(file: string): string {
    const text = (version: string): string => readFileSync(join(dir(), version, file), 'utf8');
    const path = join(dir(), `${file.replace(/\.c$/, '').replaceAll('/', '-')}.patch`);
    writeFileSync(path, createTwoFilesPatch(`a/${file}`, `b/${file}`, text(from), text(to)));
    return path;
  }

  async function generate(patches: string[], module: string): Promise<ResultDocument> {
    const outDir = join(dir(), 'out');
    return await generateInImage(docker, image, { patches, name: module, outDir }, context);
  }

  async function boot(cases: typeof made): Promise<Verified> {
    return await verify(
      {
        assets: await exportBootAssets(docker, image, context),
        cases: cases.map(({ name: title, module, objects }) => ({
          name: title,
          livepatch: module,
          objects,
          moduleLoad: 'both',
        })),
        selftests: false,
        cacheDir: context.cacheDir,
      },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
  }

  const madeOf = (result: ResultDocument, title: string): (typeof made)[number] => ({
    name: title,
    module: result.artifacts.find((a) => a.path.endsWith('.ko'))?.path ?? '',
    objects: [...new Set(result.functions.map((f) => f.object))].filter((o) => o !== 'vmlinux').sort(),
  });

  it.each(fixes)(
    '$file becomes a livepatch of the functions that it changes',
    async ({ file, functions }) => {
      const title = file.replace(/\.c$/, '').replace(/\W/g, '-');
      const result = await generate([patchFor(file)], title);
      expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
      expect(result.status).toBe('livepatch');
      expect(result.fidelity.every((f) => f.identical)).toBe(true);
      expect(result.functions.map((f) => f.name)).toEqual(expect.arrayContaining(functions));
      made.push(madeOf(result, title));
    },
  );

  it.each(refused)('$file is refused: $code', async ({ file, code }) => {
    const result = await generate([patchFor(file)], 'refused');
    expect(result.artifacts).toEqual([]);
    expect(result.findings.map((f) => f.code)).toContain(code);
  });

  it('all load, replace their functions, and go away again', async () => {
    expect(made.length).toBe(fixes.length);
    const verified = await boot(made);
    expect(verified.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(verified.verification.dmesg).toEqual([]);
    expect(verified.ok).toBe(true);
  });

  it('together make one livepatch of vmlinux and all those modules', async () => {
    const patches = fixes.map((f) => patchFor(f.file));
    const result = await generate(patches, 'all-fixes');
    expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
    const all = madeOf(result, 'all-fixes');
    expect(all.objects).toEqual([...new Set(made.flatMap((one) => one.objects))].sort());
    expect(all.objects.length).toBeGreaterThan(1);
    expect(result.functions.map((f) => f.object)).toContain('vmlinux');
    const verified = await boot([all]);
    expect(verified.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(verified.ok).toBe(true);
  });
});

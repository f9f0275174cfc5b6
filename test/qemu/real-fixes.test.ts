import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
import { verify } from '../../src/verify/verify.js';
import { pinned } from '../setup/engine.js';

/**
 * What changed between two point releases of the kernel, file by file, as a stable release made it. The list holds
 * facts alone; the patches are made here, from the sources of the two releases.
 */
const fixes = JSON.parse(readFileSync('test/fixtures/real-fixes.json', 'utf8')) as {
  from: string;
  to: string;
  fixes: { file: string; functions: string[] }[];
  refused: { file: string; code: string }[];
};

const context = controllerContext({ progress: () => undefined, timings: {} });
let dir: string;
let docker: Awaited<ReturnType<typeof connectEngine>>;
let image: Image;

beforeAll(async () => {
  expect(fixes.from, 'the fixes belong to the pinned kernel').toBe(pinned.kernel);
  dir = mkdtempSync(join(tmpdir(), 'klp-real-fixes-'));
  docker = await connectEngine(context);
  image = await ensureImage(docker, pinned, context);
  const names = [...fixes.fixes, ...fixes.refused].map((f) => f.file);
  for (const version of [fixes.from, fixes.to]) {
    const source = await resolveSource(version, parseSource(undefined), context);
    unpackFiles(await source.fetch(), names, join(dir, version));
  }
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Takes single files out of a kernel.org tarball or a Debian linux-source package. */
function unpackFiles(archive: string, names: string[], to: string): void {
  mkdirSync(to, { recursive: true });
  let tarball = archive;
  if (archive.endsWith('.deb')) {
    execFileSync('dpkg-deb', ['-x', archive, join(to, 'deb')]);
    const folder = join(to, 'deb', 'usr', 'src');
    tarball = join(folder, readdirSync(folder).find((n) => n.startsWith('linux-source-')) ?? '');
  }
  execFileSync('tar', [
    ...['-xf', tarball, '-C', to, '--strip-components=1', '--wildcards'],
    ...names.map((n) => `*/${n}`),
  ]);
}

function patchFor(file: string): string {
  const read = (version: string): string => readFileSync(join(dir, version, file), 'utf8');
  const path = join(dir, `${file.replace(/\.c$/, '').replaceAll('/', '-')}.patch`);
  writeFileSync(path, createTwoFilesPatch(`a/${file}`, `b/${file}`, read(fixes.from), read(fixes.to)));
  return path;
}

async function generate(patches: string[], name: string): Promise<ResultDocument> {
  return await generateInImage(docker, image, { patches, name, outDir: join(dir, 'out') }, context);
}

describe(`fixes between ${fixes.from} and ${fixes.to}`, () => {
  const made: { name: string; module: string; objects: string[] }[] = [];

  it.each(fixes.fixes)(
    '$file becomes a livepatch of the functions that it changes',
    async ({ file, functions }) => {
      const name = file.replace(/\.c$/, '').replace(/\W/g, '-');
      const result = await generate([patchFor(file)], name);
      expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
      expect(result.status).toBe('livepatch');
      expect(result.fidelity.every((f) => f.identical)).toBe(true);
      expect(result.functions.map((f) => f.name)).toEqual(expect.arrayContaining(functions));
      const module = result.artifacts.find((a) => a.path.endsWith('.ko'));
      made.push({
        name,
        module: module?.path ?? '',
        objects: [...new Set(result.functions.map((f) => f.object))].filter((o) => o !== 'vmlinux'),
      });
    },
  );

  it.each(fixes.refused)('$file is refused: $code', async ({ file, code }) => {
    const result = await generate([patchFor(file)], 'refused');
    expect(result.artifacts).toEqual([]);
    expect(result.findings.map((f) => f.code)).toContain(code);
  });

  it('all load, replace their functions, and go away again', async () => {
    expect(made.length).toBe(fixes.fixes.length);
    const boot = await exportBootAssets(docker, image, context);
    const cases = made.map(({ name, module, objects }) => ({
      name,
      livepatch: module,
      objects,
      moduleLoad: 'both' as const,
    }));
    const verified = await verify(
      { assets: boot, cases, selftests: false, cacheDir: context.cacheDir },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
    expect(verified.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(verified.verification.dmesg).toEqual([]);
    expect(verified.ok).toBe(true);
  });

  it('together make one livepatch of vmlinux and several modules', async () => {
    const result = await generate(
      fixes.fixes.map((f) => patchFor(f.file)),
      'all-fixes',
    );
    expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
    const objects = [...new Set(result.functions.map((f) => f.object))].sort();
    expect(objects).toEqual(['ext4', 'fat', 'fuse', 'jbd2', 'overlay', 'vmlinux']);
    const boot = await exportBootAssets(docker, image, context);
    const verified = await verify(
      {
        assets: boot,
        cases: [
          {
            name: 'all-fixes',
            livepatch: result.artifacts.find((a) => a.path.endsWith('.ko'))?.path ?? '',
            objects: objects.filter((o) => o !== 'vmlinux'),
            moduleLoad: 'both',
          },
        ],
        selftests: false,
        cacheDir: context.cacheDir,
      },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
    expect(verified.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(verified.ok).toBe(true);
  });
});

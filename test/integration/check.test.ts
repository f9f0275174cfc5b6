import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { readImageFile } from '../../src/controller/docker/container.js';
import { generateInImage } from '../../src/controller/generate.js';
import { ensureImage } from '../../src/controller/images.js';
import { resultSchema, type ResultDocument } from '../../src/shared/result.js';
import { spawnCli } from '../helpers/cli.js';
import { pinned } from '../setup/engine.js';

/** Files of the kernel in the image, by the names they get here. */
const kernelFiles = {
  vmlinux: 'vmlinux',
  config: '.config',
  symvers: 'Module.symvers',
  kallsyms: 'System.map',
  'ext4.ko': 'fs/ext4/ext4.ko',
  'kallsyms.c': 'kernel/kallsyms.c',
};

let dir: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-check-it-'));
  const context = controllerContext({ progress: () => undefined, timings: {} });
  const docker = await connectEngine(context);
  const image = await ensureImage(docker, pinned, context);
  for (const [name, path] of Object.entries(kernelFiles)) {
    await writeFile(
      at(name),
      await readImageFile(docker, image.ref, `/usr/src/linux/${path}`, context.signal),
    );
  }
  const source = await readFile(at('kallsyms.c'), 'utf8');
  const changed = source.replace(
    /^(static int s_show\([^]*?\n\t)(if \()/m,
    '$1if (!m->size)\n\t\treturn 0;\n\t$2',
  );
  await writeFile(
    at('s-show.patch'),
    createTwoFilesPatch('a/kernel/kallsyms.c', 'b/kernel/kallsyms.c', source, changed),
  );
  for (const patch of [at('s-show.patch'), 'examples/ext4-feature/ext4-feature.patch']) {
    const made = await generateInImage(docker, image, { patches: [patch], outDir: dir }, context);
    expect(made.status).toBe('livepatch');
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function check(...args: string[]): Promise<{ exitCode: number | null; result: ResultDocument }> {
  const { exitCode, stdout } = await spawnCli(['check', ...args, '--json']);
  return { exitCode, result: resultSchema.parse(JSON.parse(stdout)) };
}

function errorsOf(result: ResultDocument): string[] {
  return [...new Set(result.findings.filter((f) => f.severity === 'error').map((f) => f.code))].sort();
}

/** Writes a file in which one text is another of the same length. */
async function altered(
  name: string,
  to: string,
  from: string | Buffer,
  by: string | Buffer,
): Promise<string> {
  const data = await readFile(at(name));
  const place = data.indexOf(from);
  expect(place).toBeGreaterThan(0);
  data.write(Buffer.from(by).toString('latin1'), place, 'latin1');
  await writeFile(at(to), data);
  return at(to);
}

describe('a livepatch of the kernel, whose function has namesakes', () => {
  const livepatch = (): string => at('livepatch-s-show.tgz');
  const files = (): string[] => [
    '--vmlinux',
    at('vmlinux'),
    '--config',
    at('config'),
    '--symvers',
    at('symvers'),
  ];

  it('fits the kernel that it was made for, by every file', async () => {
    const { exitCode, result } = await check(livepatch(), ...files(), '--kallsyms', at('kallsyms'));
    expect(result.findings).toEqual([]);
    expect({ exitCode, status: result.status }).toEqual({ exitCode: 0, status: 'ok' });
    expect(result.checks?.every((one) => one.ok)).toBe(true);
    expect(result.kernel).toMatchObject({
      arch: pinned.arch,
      release: expect.stringContaining(pinned.kernel) as string,
    });
  });

  it('is refused for a kernel of another build, where another function may have its place', async () => {
    const made = JSON.parse(await readFile(at('livepatch-s-show.json'), 'utf8')) as ResultDocument;
    const own = Buffer.from(made.kernel?.buildId ?? '', 'hex');
    const other = Buffer.from(own.map((byte) => byte ^ 0xff));
    const vmlinux = await altered('vmlinux', 'vmlinux-other-build', own, other);
    const { exitCode, result } = await check(livepatch(), '--vmlinux', vmlinux);
    expect(exitCode).toBe(3);
    expect(errorsOf(result)).toEqual(['kernel-build-differs', 'symbol-position-unproved']);
  });

  it('is refused when nothing tells which build the list is of', async () => {
    const { exitCode, result } = await check(livepatch(), '--kallsyms', at('kallsyms'));
    expect(exitCode).toBe(3);
    expect(errorsOf(result)).toEqual(['symbol-position-unproved']);
  });

  it.each([
    { what: 'is gone', left: 0, code: 'symbol-not-in-kernel' },
    { what: 'has lost its namesakes', left: 1, code: 'symbol-position-differs' },
  ])('is refused when its function $what', async ({ left, code }) => {
    let seen = 0;
    const lines = (await readFile(at('kallsyms'), 'latin1')).split('\n');
    const text = lines.filter((line) => !line.endsWith(' s_show') || ++seen <= left).join('\n');
    expect(seen).toBeGreaterThan(1);
    await writeFile(at('kallsyms-other'), text);
    const { exitCode, result } = await check(
      livepatch(),
      '--vmlinux',
      at('vmlinux'),
      '--kallsyms',
      at('kallsyms-other'),
    );
    expect({ exitCode, codes: errorsOf(result) }).toEqual({ exitCode: 3, codes: [code] });
  });

  it('is refused when an export has another checksum or is gone', async () => {
    const text = await readFile(at('symvers'), 'utf8');
    const other = text
      .replace(/^0x\w+(?=\tklp_enable_patch\t)/m, '0x00000bad')
      .replace(/^\S+\tmodule_layout\t.*$/m, (line) => line.replace(/^0x\w+/, '0x00000bad'));
    await writeFile(at('symvers-crc'), other);
    await writeFile(at('symvers-gone'), text.replace(/^.*\tklp_enable_patch\t.*\n/m, ''));
    const crc = await check(livepatch(), '--vmlinux', at('vmlinux'), '--symvers', at('symvers-crc'));
    expect({ exitCode: crc.exitCode, codes: errorsOf(crc.result) }).toEqual({
      exitCode: 3,
      codes: ['export-version-differs'],
    });
    const gone = await check(livepatch(), '--vmlinux', at('vmlinux'), '--symvers', at('symvers-gone'));
    expect({ exitCode: gone.exitCode, codes: errorsOf(gone.result) }).toEqual({
      exitCode: 3,
      codes: ['export-missing'],
    });
  });
});

describe('a livepatch of a module', () => {
  const livepatch = (): string => at('livepatch-ext4-feature.ko');

  it('fits the module that it was made for', async () => {
    const { exitCode, result } = await check(
      ...[livepatch(), '--vmlinux', at('vmlinux'), '--module', at('ext4.ko'), '--config', at('config')],
    );
    expect(result.findings).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it('is refused for another build of the module', async () => {
    const made = JSON.parse(await readFile(at('livepatch-ext4-feature.json'), 'utf8')) as ResultDocument;
    const [ext4, ...others] = made.kernel?.modules ?? [];
    expect({ name: ext4?.name, others }).toEqual({ name: 'ext4', others: [] });
    const own = Buffer.from(ext4?.buildId ?? '', 'hex');
    const module = await altered('ext4.ko', 'ext4-other-build.ko', own, Buffer.alloc(own.length));
    const { exitCode, result } = await check(livepatch(), '--vmlinux', at('vmlinux'), '--module', module);
    expect({ exitCode, codes: errorsOf(result) }).toEqual({ exitCode: 3, codes: ['module-build-differs'] });
  });

  it('is refused for a module of another release', async () => {
    const other = pinned.kernel.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
    const module = await altered(
      'ext4.ko',
      'ext4-other.ko',
      `vermagic=${pinned.kernel}`,
      `vermagic=${other}`,
    );
    const { exitCode, result } = await check(livepatch(), '--vmlinux', at('vmlinux'), '--module', module);
    expect({ exitCode, codes: errorsOf(result) }).toEqual({ exitCode: 3, codes: ['vermagic-differs'] });
  });

  it('is refused for a module without its function', async () => {
    const module = await altered('ext4.ko', 'ext4-renamed.ko', '\0ext4_attr_show\0', '\0ext4_attr_shew\0');
    const { exitCode, result } = await check(livepatch(), '--vmlinux', at('vmlinux'), '--module', module);
    expect({ exitCode, codes: errorsOf(result) }).toEqual({ exitCode: 3, codes: ['symbol-not-in-kernel'] });
  });
});

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourcesList, withTried } from '../../../src/controller/build.js';
import {
  engineFiles,
  imageTag,
  inputsHash,
  kernelArgs,
  kernelConfig,
  recipe,
} from '../../../src/controller/recipe.js';
import { archData, debianData, supportedArchs } from '../../../src/shared/catalog.js';
import { KlpError } from '../../../src/shared/errors.js';
import { seriesFor } from '../../../src/shared/series.js';

const arch = archData('x86_64');
const tiny = kernelConfig('tiny', arch);
const hash = (digit: string): string => digit.repeat(64);

describe('what an image is made of', () => {
  it('gives it its name', () => {
    const of = recipe(arch, 19, tiny);
    expect(imageTag(of, '6.12.107', inputsHash(of, hash('a')))).toMatch(
      /^6\.12\.107-x86_64-llvm19-tiny-[0-9a-f]{8}$/,
    );
  });

  it('gives the same name for the same, and another for another', () => {
    const name = (llvm: number, config: string, source: string): string =>
      inputsHash(recipe(arch, llvm, kernelConfig(config, arch)), source);
    expect(name(19, 'tiny', hash('a'))).toBe(name(19, 'tiny', hash('a')));
    const all = [
      name(19, 'tiny', hash('a')),
      name(18, 'tiny', hash('a')),
      name(19, 'defconfig', hash('a')),
      name(19, 'tiny', hash('b')),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it("follows the content of the user's configuration, not its name", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
    const config = async (name: string, content: string) => {
      await writeFile(join(dir, name), content);
      return kernelConfig(join(dir, name), arch);
    };
    const [a, same, other] = [await config('a', 'x'), await config('b', 'x'), await config('c', 'y')];
    expect(a.name).toBe('file');
    expect(same.sha256).toBe(a.sha256);
    expect(other.sha256).not.toBe(a.sha256);
    await rm(dir, { recursive: true });
  });

  it("follows the content of the project's own patches", () => {
    const series = (content: string) => ({ names: ['set'], files: {}, sha256: hash(content) });
    const name = (...content: string[]): string =>
      inputsHash(recipe(arch, 19, tiny, ...content.map(series)), hash('a'));
    expect(new Set([name(), name('a'), name('b')]).size).toBe(3);
  });

  it('tells where patches that do not apply were tried', () => {
    const error = new KlpError('series-does-not-apply', 'x.patch does not apply to Linux 9.9');
    const series = seriesFor('9.9', archData('arm64'));
    expect(withTried(error, series)).toMatchObject({
      code: 'series-does-not-apply',
      message: `x.patch does not apply to Linux 9.9 (arm64-livepatch-6.17 was tried up to ${series.tried ?? ''})`,
    });
    expect(series.tried).toMatch(/^7\./);
    const other = new Error('other');
    expect(withTried(other, series)).toBe(other);
  });

  it('has the list of our patches for the engine, and not the patches', () => {
    const names = Object.keys(engineFiles().files);
    expect(names).toContain('images/series/arm64/series.json');
    expect(names.filter((name) => name.endsWith('.patch'))).toEqual([]);
  });

  it('cannot be a configuration that is not there', () => {
    expect(() => kernelConfig('/nonexistent/.config', arch)).toThrow(
      expect.objectContaining({ code: 'config-not-found', kind: 'usage' }),
    );
  });

  it('does not depend on where packages are fetched from', () => {
    expect(JSON.stringify(recipe(arch, 19, tiny))).not.toContain('http://');
  });
});

describe('the Dockerfiles', () => {
  const lines = (name: string): string[] =>
    readFileSync(`Dockerfile.${name}`, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#'));

  it('do the same for every architecture', () => {
    const [first, ...others] = supportedArchs().map((name) =>
      lines(name).filter((line) => !line.startsWith('ARG ')),
    );
    expect(others.length).toBeGreaterThan(0);
    for (const other of others) expect(other).toEqual(first);
  });

  it.each(supportedArchs())('have the defaults of the catalogue: %s', (name) => {
    const defaults = lines(name).flatMap((line) => {
      const match = /^ARG (\w+)=(?:"(.*)"|(.*))$/.exec(line);
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? match[3] ?? ''] as const];
    });
    expect(Object.fromEntries(defaults)).toMatchObject(kernelArgs(archData(name)));
  });
});

describe('the suites that packages come from', () => {
  it('are a base, its security updates, and the suite itself', () => {
    const { mirror, securityMirror } = debianData();
    expect(sourcesList('trixie-backports', {})).toEqual([
      `deb ${mirror} trixie main`,
      `deb ${securityMirror} trixie-security main`,
      `deb ${mirror} trixie-backports main`,
    ]);
    expect(sourcesList('sid', {})).toEqual([`deb ${mirror} sid main`]);
  });

  it('come from the mirrors that the user names', () => {
    const env = { KLP_DOCKER_DEBIAN_MIRROR: 'http://m/d/', KLP_DOCKER_DEBIAN_SECURITY_MIRROR: 'http://m/s' };
    expect(sourcesList('bookworm', env)).toEqual([
      'deb http://m/d bookworm main',
      'deb http://m/s bookworm-security main',
    ]);
  });
});

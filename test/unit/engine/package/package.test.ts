import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPackage } from '../../../../src/engine/package/package.js';
import { emptyResult, resultSchema } from '../../../../src/shared/result.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'klp-package-test-'));
  writeFileSync(join(dir, 'livepatch-a-b.ko'), 'the module');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function pack(out: string, release = '6.12.107'): Promise<string> {
  return await createPackage({
    ko: join(dir, 'livepatch-a-b.ko'),
    name: 'a-b',
    result: {
      ...emptyResult('livepatch'),
      kernel: { release, arch: 'x86_64' },
      timings: { total: Math.round(performance.now()) },
    },
    patches: [{ name: 'odd name.patch', text: 'text\n' }],
    outDir: join(dir, out),
  });
}

function unpack(path: string): string {
  const to = join(dir, 'unpacked');
  mkdirSync(to);
  execFileSync('tar', ['-xzf', path, '-C', to]);
  return join(to, 'livepatch-a-b');
}

describe('createPackage', () => {
  it('gives the same bytes for the same livepatch', async () => {
    const [a, b] = [await pack('one'), await pack('two')];
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  });

  it('holds the module, the result document and the patches', async () => {
    const root = unpack(await pack('out'));
    expect(readFileSync(join(root, 'livepatch-a-b.ko'), 'utf8')).toBe('the module');
    expect(readFileSync(join(root, 'patches', '1-odd_name.patch'), 'utf8')).toBe('text\n');
    resultSchema.parse(JSON.parse(readFileSync(join(root, 'result.json'), 'utf8')));
  });
});

describe("the package's script", () => {
  it('refuses another kernel than the one it was made for', async () => {
    const root = unpack(await pack('out', '0.0.0-other'));
    const ran = spawnSync('sh', [join(root, 'livepatch'), 'apply'], { encoding: 'utf8' });
    expect(ran.status).toBe(3);
    expect(ran.stderr).toContain('made for Linux 0.0.0-other');
  });

  it('notices a module that is not the one that was packed', async () => {
    const root = unpack(await pack('out'));
    writeFileSync(join(root, 'livepatch-a-b.ko'), 'another module');
    const ran = spawnSync('sh', [join(root, 'livepatch'), 'check'], { encoding: 'utf8' });
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain('not the module that was packed');
  });

  it('explains itself', async () => {
    const root = unpack(await pack('out'));
    const ran = spawnSync('sh', [join(root, 'livepatch')], { encoding: 'utf8' });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('usage: livepatch apply|check|revert|status');
  });
});

import { realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { withTempDir } from '../../../src/shared/files.js';
import { inParallel } from '../../../src/shared/parallel.js';
import { commandHistory, run } from '../../../src/shared/run.js';

describe('run', () => {
  it('gives all that a program prints, and remembers the end of it', async () => {
    const length = 4 * 1024 * 1024;
    const { stdout } = await run(['node', '-e', `process.stdout.write('x'.repeat(${length}) + 'end')`]);
    expect(stdout).toHaveLength(length + 3);
    const remembered = commandHistory().at(-1)?.stdout ?? '';
    expect(remembered.length).toBeLessThan(length / 100);
    expect(remembered).toMatch(/^\[\d+ characters before this are not kept\]\nx+end$/);
  });

  it('tells a program the folder that it runs in by its own name, whatever link we stand in', async () => {
    await withTempDir('klp-run', async (dir) => {
      const real = await realpath(dir);
      await symlink(real, join(real, 'link'));
      vi.stubEnv('PWD', join(real, 'link'));
      const { stdout } = await run(['node', '-e', 'process.stdout.write(process.env.PWD)'], { cwd: real });
      vi.unstubAllEnvs();
      expect(stdout).toBe(real);
    });
  });
});

describe('inParallel', () => {
  it('throws the error of the first item that has one, whichever ends first', async () => {
    let second: () => void = () => undefined;
    const secondFailed = new Promise<void>((resolve) => (second = resolve));
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      if (item === 1) {
        await secondFailed;
        throw new Error('first');
      }
      second();
      throw new Error('second');
    };
    await expect(inParallel([1, 2, 3], 2, work)).rejects.toThrow('first');
    expect(begun).toEqual([1, 2]);
  });
});

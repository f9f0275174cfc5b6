import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/main.js';
import { controllerContext } from '../../../src/controller/context.js';
import { withLock } from '../../../src/controller/lock.js';

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'klp-cli-survey-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('klp-docker survey', () => {
  it('waits for another one that works in the same folder', async () => {
    await mkdir(join(dir, 'none'));
    const out = join(dir, 'out');
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const waits = new Promise<void>((settle) => {
      let said = '';
      stderr.on('data', (part: Buffer) => {
        said += part.toString();
        if (said.includes('another klp-docker is at work on a survey in')) settle();
      });
    });
    const order: string[] = [];
    const context = controllerContext({ progress: () => undefined, timings: {} }, {});
    let second = Promise.resolve(0);
    await withLock(`survey ${out}`, 'the first', context, async () => {
      const args = ['survey', '--kernel', '6.12.107', join(dir, 'none'), '-o', out];
      second = runCli({ stdout, stderr, env: {}, args, signal: new AbortController().signal }).then(
        (code) => {
          order.push('second out');
          return code;
        },
      );
      await waits;
      order.push('first out');
    });
    // It then finds that there is no patch in the folder.
    expect(await second).toBe(2);
    expect(order).toEqual(['first out', 'second out']);
  });
});

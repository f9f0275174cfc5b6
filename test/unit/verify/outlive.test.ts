import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, vi } from 'vitest';
import { start } from '../../../src/shared/run.js';

/** A zombie counts as gone: it runs no more and waits for whoever adopted it. */
async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined || /\) Z /.test(stat);
}

it('a program started beside us dies with us, even when we are killed', async () => {
  const run = pathToFileURL(resolve('dist/shared/run.js')).href;
  const code = `import { start } from ${JSON.stringify(run)};
    start(['sh', '-c', 'echo $$; exec sleep 600'], {
      signal: new AbortController().signal,
      onOutput: (text) => process.stdout.write(text),
    });`;
  expect(existsSync('dist/shared/run.js')).toBe(true);
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(text.toString());
  expect(await isGone(pid)).toBe(false);
  parent.kill('SIGKILL');
  await vi.waitFor(async () => expect(await isGone(pid)).toBe(true), { timeout: 20_000, interval: 50 });
});

it('a program started beside us dies when the work is interrupted', async () => {
  const controller = new AbortController();
  const program = start(['sh', '-c', 'echo $$; exec sleep 600'], {
    signal: controller.signal,
    onOutput: () => controller.abort(),
  });
  expect(await program.ended).toMatchObject({ signal: 'SIGKILL' });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { controllerContext } from '../../../src/controller/context.js';
import { withLock } from '../../../src/controller/lock.js';
import type { ProgressEvent } from '../../../src/shared/progress.js';

function context(signal?: AbortSignal) {
  const events: ProgressEvent[] = [];
  const progress = (event: ProgressEvent): void => void events.push(event);
  return { events, ...controllerContext({ progress, timings: {}, ...(signal ? { signal } : {}) }, {}) };
}

describe('a lock', () => {
  it('lets one in at a time, and the next when that one is done', async () => {
    const name = randomUUID();
    const order: string[] = [];
    let finish = (): void => undefined;
    const firstMayEnd = new Promise<void>((settle) => (finish = settle));
    const first = withLock(name, 'the lock', context(), async () => {
      order.push('first in');
      await firstMayEnd;
      order.push('first out');
    });
    const waits = context();
    const second = withLock(name, 'the lock', waits, async () => void order.push('second in'));
    await expect
      .poll(() => waits.events)
      .toContainEqual({ type: 'note', text: expect.stringContaining('at work on the lock') as string });
    finish();
    await Promise.all([first, second]);
    expect(order).toEqual(['first in', 'first out', 'second in']);
  });

  it('is free again after an error', async () => {
    const name = randomUUID();
    await expect(
      withLock(name, 'the lock', context(), () => Promise.reject(new Error('no'))),
    ).rejects.toThrow('no');
    await expect(withLock(name, 'the lock', context(), async () => 'in')).resolves.toBe('in');
  });

  it('can be waited for in vain: an interrupt ends that', async () => {
    const name = randomUUID();
    const stop = new AbortController();
    await withLock(name, 'the lock', context(), async () => {
      const waits = context(stop.signal);
      const second = withLock(name, 'the lock', waits, async () => 'in');
      const outcome = expect(second).rejects.toMatchObject({ code: 'interrupted' });
      await expect.poll(() => waits.events.length).toBe(1);
      stop.abort();
      await outcome;
    });
  });

  it('does not survive a holder that is killed', async () => {
    const name = randomUUID();
    const code = `
      import { createHash } from 'node:crypto';
      import { createServer } from 'node:net';
      const hash = createHash('sha256').update(process.argv[1]).digest('hex').slice(0, 32);
      createServer().listen('\\0klp-docker-' + hash, () => console.log('held'));`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', code, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const waits = context();
    const second = withLock(name, 'the lock', waits, async () => 'in');
    await expect.poll(() => waits.events.length).toBe(1);
    holder.kill('SIGKILL');
    await expect(second).resolves.toBe('in');
  });
});

import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { onEach, type EngineContext } from '../../../src/engine/context.js';
import type { Finding } from '../../../src/shared/result.js';

const context = (): EngineContext => ({ progress: () => undefined, timings: {}, findings: [], dir: '' });
const note = (message: string): Finding => ({ code: 'same-code', severity: 'note', message });

describe('what is found side by side', () => {
  it('is told in the order of the items, whichever is ready first', async () => {
    const all = context();
    const results = await onEach([30, 1, 15], all, async (ms, own, i) => {
      own.findings.push(note(`${i} begins`));
      await setTimeout(ms);
      own.findings.push(note(`${i} ends`));
      return ms;
    });
    expect(results).toEqual([30, 1, 15]);
    expect(all.findings.map(({ message }) => message)).toEqual([
      ...['0 begins', '0 ends', '1 begins', '1 ends', '2 begins', '2 ends'],
    ]);
  });

  it('ends with what the first item with an error has found', async () => {
    const all = context();
    const work = onEach([20, 1], all, async (ms, own, i) => {
      own.findings.push(note(`${i}`));
      await setTimeout(ms);
      throw new Error(`error of ${i}`);
    });
    await expect(work).rejects.toThrow('error of 0');
    expect(all.findings.map(({ message }) => message)).toEqual(['0']);
  });
});

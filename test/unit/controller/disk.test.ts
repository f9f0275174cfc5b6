import { describe, expect, it } from 'vitest';
import { freeBytes, needSpace } from '../../../src/controller/disk.js';

describe('disk space', () => {
  it('is looked at where a folder will be, also before it is there', async () => {
    expect(await freeBytes('/tmp/klp-not-yet/there')).toBeGreaterThan(0);
    await expect(needSpace('/tmp/klp-not-yet/there', 1, 'nothing')).resolves.toBeUndefined();
  });

  it('that is missing is told before any work, with what is wanted and what is there', async () => {
    await expect(needSpace('/tmp', 2 ** 60, 'building a kernel image')).rejects.toMatchObject({
      code: 'no-disk-space',
      kind: 'environment',
      message: expect.stringMatching(
        /^building a kernel image needs about \d+\.\d GiB in \/tmp; \d+\.\d GiB are free$/,
      ) as string,
    });
  });
});

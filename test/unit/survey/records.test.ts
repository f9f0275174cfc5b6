import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SurveyedItem } from '../../../src/shared/result.js';
import { folderOf, recordsIn, type ItemRecord } from '../../../src/survey/records.js';
import type { SurveyItem } from '../../../src/survey/types.js';

const item = (id: string, text: string): SurveyItem => ({
  name: id,
  id,
  parts: [{ path: `${id}.c`, text, added: false }],
});
const a = item('a', 'one');
const b = item('b', 'two');

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'klp-records-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A record of `a` as a survey of `a` and `b` on image `i` writes it. */
async function written(
  more: Partial<ItemRecord> = {},
  entry: Partial<SurveyedItem> = {},
): Promise<ItemRecord> {
  const records = recordsIn(dir, ['i'], [a, b]);
  const record: ItemRecord = {
    key: records.key(a),
    entry: {
      ...{
        name: 'a',
        id: 'a',
        files: ['a.c'],
        outcome: 'refused',
        code: 'data-changed',
        with: [],
        attempts: [],
      },
      ...{ leftOut: [], functions: 0, touched: 0, folder: folderOf(a), ms: 5 },
      ...entry,
    },
    findings: [],
    objects: [],
    ...more,
  };
  await records.write(record);
  return record;
}

describe('the record of an item', () => {
  it('is taken by a later run', async () => {
    const record = await written();
    expect(await recordsIn(dir, ['i'], [a, b]).read(a)).toEqual(record);
  });

  it('holds no longer when the patch or the image is another', async () => {
    await written();
    expect(await recordsIn(dir, ['i'], [a, b]).read(item('a', 'changed'))).toBeUndefined();
    expect(await recordsIn(dir, ['another'], [a, b]).read(a)).toBeUndefined();
  });

  it('depends on the other items only when they were looked at', async () => {
    await written();
    expect(await recordsIn(dir, ['i'], [a]).read(a)).toBeDefined();
    await written({ others: recordsIn(dir, ['i'], [a, b]).others });
    expect(await recordsIn(dir, ['i'], [a, b]).read(a)).toBeDefined();
    expect(await recordsIn(dir, ['i'], [a]).read(a)).toBeUndefined();
  });

  it.each([
    { code: 'item-timeout', taken: false },
    { code: 'container-failed', taken: false },
    { code: 'internal', taken: true },
  ])('of an error with $code is taken: $taken', async ({ code, taken }) => {
    await written({}, { outcome: 'error', code });
    expect((await recordsIn(dir, ['i'], [a, b]).read(a)) !== undefined).toBe(taken);
  });

  it('that is damaged is none', async () => {
    await written();
    await writeFile(join(dir, folderOf(a), 'survey-item.json'), '{"key":');
    expect(await recordsIn(dir, ['i'], [a, b]).read(a)).toBeUndefined();
  });
});

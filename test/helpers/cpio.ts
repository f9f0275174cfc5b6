import { expect } from 'vitest';

export interface CpioRecord {
  path: string;
  mode: number;
  major: number;
  minor: number;
  data: string;
}

/** A reader of the format, written from its description and not from the writer. */
export function readCpio(archive: Buffer): CpioRecord[] {
  const records: CpioRecord[] = [];
  let at = 0;
  for (;;) {
    expect(at % 4).toBe(0);
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const start = at;
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', start + 6 + 8 * index, start + 14 + 8 * index), 16);
    const nameSize = field(11);
    const nameAt = at + 110;
    const path = archive.toString('utf8', nameAt, nameAt + nameSize - 1);
    expect(archive[nameAt + nameSize - 1]).toBe(0);
    const dataAt = Math.ceil((nameAt + nameSize) / 4) * 4;
    const data = archive.toString('utf8', dataAt, dataAt + field(6));
    at = Math.ceil((dataAt + field(6)) / 4) * 4;
    if (path === 'TRAILER!!!') break;
    records.push({ path, mode: field(1), major: field(9), minor: field(10), data });
  }
  expect(at).toBe(archive.length);
  return records;
}

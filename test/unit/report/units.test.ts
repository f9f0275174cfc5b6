import { describe, expect, it } from 'vitest';
import { age, count, duration, size, table, wrapped } from '../../../src/report/units.js';

describe('units', () => {
  it.each([
    [0, '0 ms'],
    [994, '994 ms'],
    [1_000, '1.00 s'],
    [12_340, '12.3 s'],
    [59_960, '1 min 00 s'],
    [363_000, '6 min 03 s'],
  ])('%i ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it.each([
    [0, '0 minutes'],
    [61_000, '1 minute'],
    [119 * 60_000, '119 minutes'],
    [2 * 3_600_000, '2 hours'],
    [49 * 3_600_000, '2 days'],
    [-5000, '0 minutes'],
  ])('%i ms ago is %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });

  it('lines columns up', () => {
    expect(
      table(
        [
          ['a', 'b'],
          ['long', 'c'],
          ['x', ''],
        ],
        ' ',
      ),
    ).toEqual([' a     b', ' long  c', ' x']);
  });

  it('breaks lines between words', () => {
    expect(wrapped('one two three', 7)).toBe('one two\nthree');
    expect(wrapped('a-very-long-word b', 4)).toBe('a-very-long-word\nb');
    expect(wrapped('kept\nas it is', 80)).toBe('kept\nas it is');
  });

  it('counts', () => {
    expect([count(1, 'file'), count(2, 'file'), count(0, 'entry', 'entries')]).toEqual([
      '1 file',
      '2 files',
      '0 entries',
    ]);
  });
});

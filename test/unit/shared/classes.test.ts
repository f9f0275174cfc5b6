import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classes } from '../../../src/shared/classes.js';
import { isCode } from '../../../src/shared/outcome.js';

describe('classes of livepatch trouble', () => {
  it('are numbered from 1 without gaps', () => {
    expect(classes.map((c) => c.number)).toEqual(classes.map((_, i) => i + 1));
    expect(classes).toHaveLength(35);
  });

  it.each(classes)('$number is handled or refused, with codes that exist', ({ handled, codes }) => {
    expect(handled !== undefined || codes.length > 0).toBe(true);
    expect(codes.filter((code) => !isCode(code))).toEqual([]);
  });

  it.each(classes.flatMap(({ number, proofs }) => proofs.map((proof) => ({ number, ...proof }))))(
    '$number is shown by $file: $title',
    ({ file, title }) => {
      // Titles are written with either quote.
      const text = readFileSync(file, 'utf8').replaceAll("\\'", "'");
      expect(text).toContain(title);
    },
  );

  it('are all shown by a test', () => {
    expect(classes.filter(({ proofs }) => proofs.length === 0)).toEqual([]);
  });
});

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { allCodes, codesMarkdown } from '../../../src/report/codes.js';
import { resultJsonSchema } from '../../../src/report/json.js';

const hint = 'run `npm run docs` and commit docs/';

describe('generated documents', () => {
  it('docs/codes.md is what the code table says', async () => {
    expect(await readFile('docs/codes.md', 'utf8'), hint).toBe(codesMarkdown());
  });

  it('docs/result.schema.json is the schema that results are checked with', async () => {
    expect(await readFile('docs/result.schema.json', 'utf8'), hint).toBe(resultJsonSchema());
  });
});

describe('reason codes', () => {
  it.each(allCodes())('$code is kebab-case and has a title, a meaning and an advice', (entry) => {
    expect(entry.code).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(entry.title).toMatch(/^\S.*[^.]$/);
    expect(entry.meaning).toMatch(/^\S[^]*\.$/);
    expect(entry.advice.length).toBeGreaterThan(10);
  });
});

import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { classesMarkdown } from '../../../src/report/classes.js';
import {
  allCodes,
  codesMarkdown,
  describeCode,
  renderCode,
  renderCodeList,
} from '../../../src/report/codes.js';
import { resultJsonSchema } from '../../../src/report/json.js';
import { styleFor } from '../../../src/report/style.js';

const hint = 'run `npm run docs` and commit docs/';

describe('generated documents', () => {
  it('docs/codes.md is what the code table says', async () => {
    expect(await readFile('docs/codes.md', 'utf8'), hint).toBe(codesMarkdown());
  });

  it('docs/classes.md is what the table of classes says', async () => {
    expect(await readFile('docs/classes.md', 'utf8'), hint).toBe(classesMarkdown());
  });

  it('docs/result.schema.json is the schema that results are checked with', async () => {
    expect(await readFile('docs/result.schema.json', 'utf8'), hint).toBe(resultJsonSchema());
  });
});

describe('docs/settings.md', () => {
  it('names every variable that the program reads, and no other', async () => {
    const named = (text: string): string[] => text.match(/\bKLP_DOCKER_[A-Z_]+\b/g) ?? [];
    const sources = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'));
    const texts = await Promise.all(sources.map((name) => readFile(`src/${name}`, 'utf8')));
    const told = new Set(named(await readFile('docs/settings.md', 'utf8')));
    expect([...told].sort()).toEqual([...new Set(texts.flatMap(named))].sort());
  });
});

describe('codes that only notes and warnings carry', () => {
  const quiet = allCodes().filter((entry) => entry.exitCode === 0);

  it('stand under no exit code', () => {
    expect(quiet.map(({ code, finding }) => `${code}: ${finding ?? ''}`)).toEqual([
      'constant-changed: warning',
      'data-stays-writable: note',
      'failed-in-company: warning',
      'fit-not-checked: warning',
      'function-left-behind: note',
      'function-still-pointed-to: warning',
      'generated-not-remade: warning',
      'hunk-moved: note',
      'kernel-has-series: note',
      'kernel-lacks-series: warning',
      'livepatch-address-given: warning',
      'modinfo-not-carried: warning',
      'module-loads-once: warning',
      'objtool-warning: warning',
      'other-modules-unfixed: note',
      'same-code: note',
      'signature-not-checked: warning',
      'state-outlives-module: warning',
      'static-branch-dynamic: note',
      'static-copied: note',
      'suites-not-read: warning',
      'transition-may-stall: warning',
    ]);
    const [before = '', notes = ''] = codesMarkdown().split('## Notes and warnings');
    expect(before).not.toContain('###');
    expect(notes.split('## Exit code')[0]).toContain('`hunk-moved`');
  });

  it('are explained as such', () => {
    const style = styleFor({}, {});
    expect(renderCode(describeCode('hunk-moved'), style)).toContain(
      '(a note; it does not change the exit code)',
    );
    expect(renderCode(describeCode('input-empty'), style)).toContain('(exit code 2)');
    expect(renderCodeList(style)).toMatch(/^ *note +hunk-moved /m);
  });
});

describe('recipes', () => {
  it.each(['data-changed', 'struct-layout-changed', 'late-special-section', 'not-traceable'] as const)(
    '%s shows source and what to write instead, also in the document',
    (code) => {
      const { example } = describeCode(code);
      const text = renderCode(describeCode(code), styleFor({}, {}));
      for (const line of `${example?.source}\n${example?.instead}`.split('\n')) {
        expect(text).toContain(line);
        expect(codesMarkdown()).toContain(line);
      }
    },
  );

  it('are those of callbacks, shadow variables and static_key_enabled()', () => {
    expect(describeCode('data-changed').example?.instead).toContain('pre_patch_callback');
    expect(describeCode('struct-layout-changed').example?.instead).toContain('klp_shadow_get');
    // Left behind, they would be found at the next objects of those addresses, and warned of when made again.
    expect(describeCode('struct-layout-changed').example?.instead).toContain('klp_shadow_free_all');
    expect(describeCode('late-special-section').example?.instead).toContain('static_key_enabled');
    expect(describeCode('input-empty')).not.toHaveProperty('example');
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

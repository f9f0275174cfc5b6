import { describe, expect, it } from 'vitest';
import { align, originalPatchedLine } from '../../../../src/engine/patch/align.js';
import type { PatchedFile } from '../../../../src/engine/types.js';
import { markNumbers } from './mini-cpp.js';
import { randomEdits, randomSource } from './random-text.js';

const file = (original: string, patched: string): PatchedFile => ({
  path: 'f.c',
  original,
  patched,
  changed: [],
});
const lines = (...parts: string[]): string => parts.map((part) => `${part}\n`).join('');
const aligned = (original: string, patched: string): string[] =>
  align(file(original, patched)).split('\n').slice(0, -1);

describe('align', () => {
  it('returns an unchanged file, and one with as many lines as before, as it is', () => {
    expect(aligned(lines('a', 'b'), lines('a', 'b'))).toEqual(['a', 'b']);
    expect(aligned(lines('a', 'b', 'c'), lines('a', 'B', 'c'))).toEqual(['a', 'B', 'c']);
  });

  it('gives the lines after an insertion and after a deletion their numbers back', () => {
    expect(aligned(lines('a', 'b', 'c'), lines('a', 'new', 'b', 'c'))).toEqual([
      'a',
      'new',
      '#line 2',
      'b',
      'c',
    ]);
    expect(aligned(lines('a', 'b', 'c', 'd'), lines('a', 'c', 'd'))).toEqual(['a', '#line 3', 'c', 'd']);
    expect(aligned(lines('a', 'b'), lines('new', 'a', 'b'))).toEqual(['new', '#line 1', 'a', 'b']);
    expect(aligned(lines('a', 'b'), lines('b'))).toEqual(['#line 2', 'b']);
  });

  it('needs no directive when a second change makes up for the first', () => {
    const original = lines('a', '(', 'b', 'c', ')', 'd', 'e');
    expect(aligned(original, lines('a', '(', 'new', 'b', ')', 'd', 'e'))).toEqual([
      'a',
      '(',
      'new',
      'b',
      ')',
      'd',
      'e',
    ]);
  });

  it.each([
    [
      'a line continued by a backslash',
      ['#define A \\', '\tb \\', '\tc', 'd'],
      ['#define A \\', 'new \\', '\tb \\', '\tc', '#line 4', 'd'],
    ],
    ['a block comment', ['/* a', 'b', '*/', 'd'], ['/* a', 'new', 'b', '*/', '#line 4', 'd']],
    ['a string', ['s = "a \\', 'b";', 'd'], ['s = "new \\', 'a \\', 'b";', '#line 3', 'd']],
    ['arguments', ['f(a,', '  b,', '  c);', 'd'], ['f(a,', '  new,', '  b,', '  c);', '#line 4', 'd']],
  ])('puts no directive into %s', (_, original, expected) => {
    const patched = expected.filter((line) => !line.startsWith('#line'));
    expect(aligned(lines(...original), lines(...patched))).toEqual(expected);
  });

  it('is not misled by parentheses and comment marks in literals and comments', () => {
    const head = ["c = '(';", 's = "/* (";', "d = '\\'';", '// ( /*', '/* ( */', '#define OPEN ('];
    expect(aligned(lines(...head, 'x'), lines(...head, 'new', 'x')).slice(-2)).toEqual(['#line 7', 'x']);
  });

  it('finds back after a parenthesis that a branch left open', () => {
    const original = ['#ifdef A', 'if (a) {', '#else', 'if (b &&', '#endif', '}', 'int x;'];
    const patched = [...original.slice(0, 1), 'new;', ...original.slice(1)];
    expect(aligned(lines(...original), lines(...patched)).slice(-2)).toEqual(['}', 'int x;']);
    expect(aligned(lines(...original), lines(...patched))).toContain('#line 6');
  });

  it('repeats the number behind a branch that may have been skipped', () => {
    const original = ['#ifdef A', 'a', '#else', 'b', '#endif', 'c'];
    const patched = ['#ifdef A', 'new', 'a', '#else', 'b', '#endif', 'c'];
    expect(aligned(lines(...original), lines(...patched))).toEqual([
      '#ifdef A',
      'new',
      '#line 2',
      'a',
      '#else',
      '#line 4',
      'b',
      '#endif',
      '#line 6',
      'c',
    ]);
  });

  it('keeps the numbers that the file itself sets', () => {
    const original = ['#line 100 "x.y"', 'a', 'b'];
    expect(aligned(lines(...original), lines('new', '#line 100 "x.y"', 'a', 'new', 'b'))).toEqual([
      'new',
      '#line 1',
      '#line 100 "x.y"',
      'a',
      'new',
      '#line 101',
      'b',
    ]);
  });

  it('keeps a missing line end', () => {
    expect(align(file('a\nb', 'new\na\nb'))).toBe('new\n#line 1\na\nb');
  });

  it('tells the patched line of a line of the aligned text', () => {
    const patched = file(lines('a', 'b', 'c'), lines('a', 'new', 'b', 'c'));
    expect([1, 2, 3, 4, 5, 99].map((line) => originalPatchedLine(patched, line))).toEqual([1, 2, 3, 3, 4, 4]);
  });

  it('keeps every number outside of parentheses, for random edits and any configuration', () => {
    let compared = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const original = randomSource(seed);
      const patched = randomEdits(original, seed + 7);
      const text = align(file(original, patched));
      const plain = text.split('\n').filter((line) => !line.startsWith('#line '));
      expect(plain.join('\n'), `seed ${seed}`).toBe(patched);
      const numbered = text.split('\n');
      for (let i = seed % 20; i < numbered.length - 1; i += 20) {
        if (numbered[i]?.startsWith('#line')) continue;
        const patchedLine = originalPatchedLine(file(original, patched), i + 1);
        expect(patched.split('\n')[patchedLine - 1], `seed ${seed}`).toBe(numbered[i]);
      }
      for (const config of [[], ['CONFIG_0'], ['CONFIG_1', 'CONFIG_2']]) {
        const before = markNumbers(original, new Set(config));
        const after = markNumbers(text, new Set(config));
        if (!before || !after) continue;
        for (const [mark, { line, depth }] of after) {
          const old = before.get(mark);
          if (depth !== 0 || !old) continue;
          expect({ seed, config, mark, line }).toEqual({ seed, config, mark, line: old.line });
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(2000);
  });
});

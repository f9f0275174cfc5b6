import { describe, expect, it } from 'vitest';
import { constantFindings } from '../../../../src/engine/patch/constants.js';

const messages = (original: string, patched: string): string[] =>
  constantFindings([{ path: 'x.h', original, patched, changed: [] }]).map(
    ({ line, message }) =>
      `${line}: ${/^\w+ stands for .*? with the patch, and for .*? in/.exec(message)?.[0]}`,
  );

describe('macros that stand for another number', () => {
  it.each([
    ['#define EMPTY 0xffff', '#define EMPTY 0xfffe', '0xfffe', '0xffff'],
    ['#define EMPTY\t(1 << 4) /* old */', '#define EMPTY (1 << 5) /* new */', '(1 << 5)', '(1 << 4)'],
    ['# define EMPTY BIT(3)', '# define EMPTY BIT(4)', 'BIT(4)', 'BIT(3)'],
  ])('are told of: %s', (before, after, now, then) => {
    expect(messages(`int x;\n${before}\n`, `int x;\nint y;\n${after}\n`)).toEqual([
      `3: EMPTY stands for ${now} with the patch, and for ${then} in`,
    ]);
  });

  it.each([
    ['a new one', '', '#define NEW 1'],
    ['one that goes', '#define OLD 1', ''],
    ['another remark', '#define SAME 1 /* a */', '#define SAME   1 // b'],
    ['code', '#define f(x) ((x) + 1)', '#define f(x) ((x) + 2)'],
    ['a text', '#define VERSION "1.1"', '#define VERSION "1.2"'],
    ['another name', '#define a b', '#define a c'],
    ['one that is defined twice', '#define T 1\n#define T 2', '#define T 1\n#define T 3'],
  ])('are not %s', (_, before, after) => {
    expect(messages(before, after)).toEqual([]);
  });
});

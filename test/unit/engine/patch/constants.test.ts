import { describe, expect, it } from 'vitest';
import { constantFindings, countFindings } from '../../../../src/engine/patch/constants.js';

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

describe('enumerators that count others', () => {
  it('are told of once, with the place', () => {
    const patched = 'enum e {\n\tE_A,\n\tE_NEW,\n\tE_MAX,\n};\n';
    const count = { name: 'E_MAX', from: '1', to: '2' };
    expect(countFindings([{ path: 'x.h', original: '', patched, changed: [] }], [count, count])).toEqual([
      {
        code: 'constant-changed',
        severity: 'warning',
        message: 'E_MAX stands for 2 with the patch, and for 1 in what the running kernel holds already',
        file: 'x.h',
        line: 4,
      },
    ]);
  });
});

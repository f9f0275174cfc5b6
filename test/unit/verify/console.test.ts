import { describe, expect, it } from 'vitest';
import { parseConsoleLine } from '../../../src/verify/console.js';

const parse = (line: string) => parseConsoleLine('c0ffee', line);

describe('parseConsoleLine', () => {
  it('reads a record of the protocol with its time', () => {
    expect(parse('[    2.864084] @c0ffee step load-livepatch')).toEqual({
      kind: 'protocol',
      at: 2.864084,
      verb: 'step',
      rest: 'load-livepatch',
    });
  });

  it('reads a verb alone, and keeps the blanks of output', () => {
    expect(parse('[    2.8] @c0ffee ok')).toMatchObject({ verb: 'ok', rest: '' });
    expect(parse('[    2.8] @c0ffee out   two  blanks ')).toMatchObject({
      verb: 'out',
      rest: '  two  blanks ',
    });
  });

  it('finds a record behind what a program left on the line', () => {
    expect(parse('half a line[    3.5] @c0ffee ok')).toMatchObject({ kind: 'protocol', at: 3.5, verb: 'ok' });
  });

  it('takes no other token for its own', () => {
    expect(parse('[    2.8] @badbad ok')).toMatchObject({ kind: 'kernel', text: '@badbad ok' });
  });

  it('reads kernel lines, also with the caller in them', () => {
    expect(parse('[   12.000001] livepatch: x')).toEqual({
      kind: 'kernel',
      at: 12.000001,
      text: 'livepatch: x',
    });
    expect(parse('[   12.000001][  T123] livepatch: x')).toMatchObject({
      kind: 'kernel',
      text: 'livepatch: x',
    });
    expect(parse('[    1.0]  indented')).toMatchObject({ text: ' indented' });
  });

  it('leaves the rest as it is', () => {
    expect(parse('SeaBIOS (version 1)')).toEqual({ kind: 'other', text: 'SeaBIOS (version 1)' });
  });
});

import { expect, it } from 'vitest';
import { nearest } from '../../../src/cli/nearest.js';

const words = ['input-empty', 'input-not-found', 'usage', 'interrupted'];

it.each([
  ['inputempty', 'input-empty'],
  ['interupted', 'interrupted'],
  ['inte', 'interrupted'],
  ['usage', 'usage'],
])('finds for %s the word %s', (typed, meant) => {
  expect(nearest(typed, words)).toBe(meant);
});

it('finds nothing for a word unlike any other', () => {
  expect(nearest('xyzzy-plugh', words)).toBeUndefined();
});

import { expect, it } from 'vitest';
import { typeSize } from '../../../../src/engine/ir/size.js';

const types = new Map([
  ['%struct.pair', '{ i8, i64 }'],
  ['%struct.packed', '<{ i8, i64 }>'],
  ['%struct.nested', '{ i16, %struct.pair, [3 x i8] }'],
  ['%struct.open', '{ i32, [0 x i32] }'],
  ['%struct.unknown', 'opaque'],
]);

it.each([
  ['i1', 1],
  ['i24', 4],
  ['i32', 4],
  ['i64', 8],
  ['ptr', 8],
  ['%struct.unknown*', 8],
  ['ptr addrspace(1)', 8],
  ['[6 x i16]', 12],
  ['%struct.pair', 16],
  ['%struct.packed', 9],
  ['%struct.nested', 32],
  ['[2 x [3 x %struct.packed]]', 54],
  ['{}', 0],
])('the size of %s is %s', (type, size) => {
  expect(typeSize(type, types)).toBe(size);
});

it.each(['%struct.unknown', '%struct.open', '[0 x i32]', 'i128', '%struct.missing'])(
  'the size of %s is not told',
  (type) => {
    expect(typeSize(type, types)).toBeUndefined();
  },
);

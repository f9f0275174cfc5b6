import { describe, expect, it } from 'vitest';
import { openReadOnlyKeys } from '../../../../src/engine/kernel/static-keys.js';
import type { FileSymbol } from '../../../../src/engine/kernel/symbol-file.js';

const symbol = (name: string, value: bigint): FileSymbol => ({
  ...{ name, value, size: 0n, type: 0, binding: 1, other: 0, section: 1, index: 1 },
});
const bounds = [symbol('__start_ro_after_init', 100n), symbol('__end_ro_after_init', 200n)];

/** Which of keys at these addresses are read-only in a kernel with these symbols. */
function readOnly(symbols: FileSymbol[], ...places: bigint[]): boolean[] {
  const named = (name: string): FileSymbol[] => symbols.filter((one) => one.name === name);
  const isReadOnly = openReadOnlyKeys({ global: (name) => named(name)[0], file: { named } });
  return places.map((place) => isReadOnly(symbol('key', place)));
}

describe('keys that no branch of a livepatch can be linked to', () => {
  it('are those that the kernel makes read-only and would write to', () => {
    expect(readOnly(bounds, 99n, 100n, 199n, 200n)).toEqual([false, true, true, false]);
  });

  it('are none in kernels that mark such keys, or have none', () => {
    expect(readOnly([...bounds, symbol('jump_label_init_ro', 1n)], 100n)).toEqual([false]);
    expect(readOnly([], 100n)).toEqual([false]);
  });
});

import { describe, expect, it } from 'vitest';
import { parseModule } from '../../../../src/engine/ir/module.js';
import { refuseOtherType, refuseReadOnly } from '../../../../src/engine/klp/callback-uses.js';

const ir = parseModule(
  '@v = external global i64, align 8\n@open = external global [0 x i32]\ndeclare i32 @f(ptr)\n',
  'test.ll',
);
const place = { file: 'cb.c', line: 3 };
const variable = { kind: 'variable', size: 4, mayHaveMargin: false, isReadOnly: false } as const;

describe('what callbacks declare', () => {
  it('has the size that the kernel gives it', () => {
    const given = (size: number) => () => {
      refuseOtherType('v', 'pipe_max_size', ir, { ...variable, size }, place);
    };
    expect(given(8)).not.toThrow();
    expect(given(0)).not.toThrow();
    expect(given(4)).toThrow(
      expect.objectContaining({
        code: 'callbacks-unusable',
        message: "pipe_max_size is declared with 8 bytes, and the kernel's has 4 bytes",
        detail: expect.objectContaining(place) as object,
      }),
    );
  });

  it('is no larger than what the kernel has with the margin that KASAN puts behind it', () => {
    const given = (size: number) => () => {
      refuseOtherType('v', 'pipe_max_size', ir, { ...variable, size, mayHaveMargin: true }, place);
    };
    expect(given(32)).not.toThrow();
    expect(given(4)).toThrow(expect.objectContaining({ code: 'callbacks-unusable' }));
  });

  it('may leave its size open', () => {
    expect(() => {
      refuseOtherType('open', 'open', ir, variable, place);
    }).not.toThrow();
  });

  it('is a function where the kernel has one, and a variable where it has one', () => {
    const given = (symbol: string, kind: 'function' | 'variable' | undefined) => () => {
      refuseOtherType(symbol, symbol, ir, { kind, size: 8, mayHaveMargin: false, isReadOnly: false }, place);
    };
    expect(given('f', 'variable')).toThrow(/declared as a function, and the kernel's is a variable/);
    expect(given('v', 'function')).toThrow(/declared as a variable, and the kernel's is a function/);
    expect(given('f', 'function')).not.toThrow();
    expect(given('v', undefined)).not.toThrow();
  });
});

describe('what is read-only in the kernel', () => {
  const readOnly = { ...variable, isReadOnly: true };
  const [none, v] = [new Set<string>(), new Set(['v'])];

  it('must not be written to', () => {
    const write = { written: v, handedOn: none };
    expect(() => refuseReadOnly('v', 'fops', write, readOnly, place)).toThrow(
      expect.objectContaining({
        code: 'callbacks-unusable',
        detail: expect.objectContaining(place) as object,
      }),
    );
    expect(refuseReadOnly('v', 'fops', write, variable, place)).toEqual([]);
  });

  it('gets a warning where its address is handed on', () => {
    const handed = { written: none, handedOn: v };
    expect(refuseReadOnly('v', 'fops', handed, readOnly, place)).toMatchObject([
      { severity: 'warning', ...place },
    ]);
    expect(refuseReadOnly('v', 'fops', { written: none, handedOn: none }, readOnly, place)).toEqual([]);
  });
});

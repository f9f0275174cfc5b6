import { expect, it, describe } from 'vitest';
import { SHF } from '../../../../src/engine/elf/constants.js';
import { reachedFrom } from '../../../../src/engine/klp/callback-reach.js';
import { code, elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

describe('reachedFrom', () => {
  it('follows calls and pointers, also in circles, and keeps the functions apart', () => {
    const [one, two, helper, shared] = ['one', 'two', 'helper', 'shared'].map((name) =>
      code(`.text.${name}`),
    );
    const table = section('.data.table', SHF.ALLOC | SHF.WRITE);
    if (!one || !two || !helper || !shared) throw new Error('four sections were made');
    const [a, b, c, unused] = ['a', 'b', 'c', 'unused'].map((name) => symbol(name));
    if (!a || !b || !c || !unused) throw new Error('four symbols were made');
    const debug = section('.debug_info', 0);
    const to = (place: typeof one): ReturnType<typeof symbol> => symbol('', { place });
    const file = elf(
      [
        ...[one, two, helper, shared, table, debug],
        relocations(one, [rela(0, to(helper)), rela(8, to(shared))]),
        relocations(two, [rela(0, to(shared)), rela(8, b)]),
        relocations(helper, [rela(0, to(table)), rela(8, to(one))]),
        relocations(table, [rela(0, a)]),
        relocations(shared, [rela(0, c)]),
        relocations(debug, [rela(0, unused)]),
      ],
      [symbol('one', { place: one }), symbol('two', { place: two }), a, b, c, unused],
    );
    const found = reachedFrom(file, ['one', 'two', 'nowhere']);
    expect(Object.fromEntries([...found].map(([name, from]) => [name, [...from]]))).toEqual({
      a: ['one'],
      b: ['two'],
      c: ['one', 'two'],
    });
  });
});

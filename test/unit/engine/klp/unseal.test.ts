import { expect, it } from 'vitest';
import { SHF, STB, STT } from '../../../../src/engine/elf/constants.js';
import { dropSeals } from '../../../../src/engine/klp/unseal.js';
import { code, elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

it('leaves the marks for indirect calls: what another object of the livepatch points at is not known to one', () => {
  const text = code();
  const sites = section('.cfi_sites', SHF.ALLOC);
  const seal = section('.ibt_endbr_seal', SHF.ALLOC);
  const callback = symbol('callback', { place: text, type: STT.FUNC });
  const ofSeal = symbol('', { place: seal, type: STT.SECTION, binding: STB.LOCAL });
  const file = elf(
    [text, sites, relocations(sites, [rela(0, callback)]), seal, relocations(seal, [rela(0, callback)])],
    [ofSeal, callback],
  );
  dropSeals(file);
  expect(file.sections.map(({ name }) => name)).toEqual(['.text', '.cfi_sites', '.rela.cfi_sites']);
  expect(file.symbols).toEqual([callback]);
});

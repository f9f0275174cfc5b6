import { describe, expect, it } from 'vitest';
import { SHF } from '../../../../src/engine/elf/constants.js';
import type { ElfFile } from '../../../../src/engine/elf/model.js';
import { settleData } from '../../../../src/engine/klp/data-sections.js';
import { elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';
import { unitOf } from '../../../helpers/unit.js';

const data = SHF.ALLOC | SHF.WRITE;

function withData(name: string): ElfFile {
  const place = section(name, data);
  return elf(
    [place],
    [symbol('reads', { place, value: 8n, size: 8n }), symbol('first', { place, size: 8n })],
  );
}

describe('data of a livepatch', () => {
  it.each(['', '..read_mostly', '..shared_aligned', '..page_aligned', '..first', '..hot..current_task'])(
    'is per CPU, as in %s',
    (kind) => {
      const file = withData(`.data..percpu${kind}`);
      const place = file.sections[0];
      if (place) place.align = 4096;
      settleData(file, unitOf());
      expect(file.sections).toMatchObject([{ name: '.data..percpu', align: 4096, size: 64 }]);
    },
  );

  it.each([
    '.data',
    '.bss',
    '.data..read_mostly',
    '.data..page_aligned',
    '.bss..page_aligned',
    '.data..once',
  ])('stays in %s', (name) => {
    const file = withData(name);
    settleData(file, unitOf());
    expect(file.sections[0]?.name).toBe(name);
  });

  it('stays writable when the kernel would make it read-only before the livepatch has set it', () => {
    const file = withData('.data..ro_after_init');
    settleData(file, unitOf());
    expect(file.sections[0]?.name).toBe('.data');
  });

  it.each([
    ['.data..percpu..decrypted', /^first is in .*decrypts for its host/],
    ['.bss..decrypted', /^first is in /],
    ['.data..nosave', /^first is in .*hibernates/],
    ['.bss..brk', /^first is in .*boot/],
  ])('is refused in %s', (name, message) => {
    expect(() => settleData(withData(name), unitOf('mm/x.c'))).toThrow(
      expect.objectContaining({
        code: 'section-not-for-modules',
        message: expect.stringMatching(message) as string,
        detail: expect.objectContaining({ file: 'mm/x.c', object: 'mm/x.o' }) as unknown,
      }),
    );
  });

  it('is refused when it is per CPU and holds an address', () => {
    const file = withData('.data..percpu');
    const [place] = file.sections;
    if (!place) throw new Error('no section');
    file.sections.push(relocations(place, [rela(8, symbol('somewhere'))]));
    expect(() => settleData(file, unitOf())).toThrow(/^reads is per-CPU data .* address/);
  });
});

import { describe, expect, it } from 'vitest';
import { lookUp } from '../../../../src/engine/distill/lookup.js';
import type { KlpSource } from '../../../../src/engine/kernel/symbols.js';
import type { Offer } from '../../../../src/engine/provide.js';
import type { SymbolSource } from '../../../../src/engine/types.js';
import { KlpError } from '../../../../src/shared/errors.js';
import { unitOf } from '../../../helpers/unit.js';

const vmlinux = unitOf('fs/proc/meminfo.c');
const ext4 = { ...unitOf('fs/ext4/super.c'), objname: 'ext4' };

const klp = (objname: string): KlpSource => ({ kind: 'klp', name: 'f', objname, sympos: 0, proof: '' });

/** What `f` means to a unit. `has`: what the running kernel has for it. ext4 depends on jbd2. */
function meaning(unit: typeof vmlinux, offers: Offer[], has?: SymbolSource, gone: string[] = []): unknown {
  const provided = { offers: new Map(offers.length > 0 ? [['f', offers]] : []), gone: new Set(gone) };
  return lookUp(unit, 'f', provided, {
    resolveGlobal: () => {
      if (has) return has;
      throw new KlpError('symbol-not-in-kernel', 'f');
    },
    dependencies: ({ objname }) => new Set(objname === 'ext4' ? ['jbd2'] : []),
  });
}

const refused = (code: string): unknown => expect.objectContaining({ code });

describe('lookUp', () => {
  it("prefers what the unit's own module has to what another object adds", () => {
    expect(meaning(ext4, [{ objname: 'vmlinux' }], klp('ext4'))).toEqual(klp('ext4'));
    const opened = { objname: 'vmlinux', source: klp('vmlinux') };
    expect(meaning(ext4, [opened], klp('ext4'))).toEqual(klp('ext4'));
  });

  it("prefers what the patch adds to the unit's own object", () => {
    expect(meaning(ext4, [{ objname: 'vmlinux' }, { objname: 'ext4' }])).toBe('livepatch');
    const opened = { objname: 'ext4', source: klp('ext4') };
    expect(meaning(ext4, [{ objname: 'vmlinux' }, opened], klp('vmlinux'))).toEqual(klp('ext4'));
    expect(meaning(vmlinux, [{ objname: 'vmlinux' }])).toBe('livepatch');
  });

  it('finds what the patch adds to vmlinux, and to a module that is loaded before', () => {
    expect(meaning(ext4, [{ objname: 'vmlinux' }])).toBe('livepatch');
    expect(meaning(ext4, [{ objname: 'jbd2' }])).toBe('livepatch');
    const opened = { objname: 'vmlinux', source: klp('vmlinux') };
    expect(meaning(ext4, [opened])).toEqual(klp('vmlinux'));
  });

  it("finds what the patch takes from the unit's module and gives to another object", () => {
    expect(meaning(ext4, [{ objname: 'vmlinux' }], klp('ext4'), ['ext4 f'])).toBe('livepatch');
  });

  it('refuses what the patch adds to a module that need not be there', () => {
    const refusal = refused('new-module-dependency');
    expect(() => meaning(ext4, [{ objname: 'fat' }])).toThrow(refusal);
    expect(() => meaning(vmlinux, [{ objname: 'ext4' }])).toThrow(refusal);
  });

  it('does not look into modules for vmlinux', () => {
    expect(meaning(vmlinux, [{ objname: 'ext4' }], klp('vmlinux'))).toEqual(klp('vmlinux'));
  });

  it('refuses a name that may mean two symbols', () => {
    const refusal = refused('symbol-name-conflict');
    expect(() => meaning(ext4, [{ objname: 'vmlinux' }], klp('jbd2'))).toThrow(refusal);
    expect(() => meaning(ext4, [{ objname: 'vmlinux' }, { objname: 'jbd2' }])).toThrow(refusal);
  });
});

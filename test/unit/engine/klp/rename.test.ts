import { describe, expect, it } from 'vitest';
import { STB } from '../../../../src/engine/elf/constants.js';
import { decodeReference } from '../../../../src/engine/klp/names.js';
import { renameKernelSymbols, type KernelResolver } from '../../../../src/engine/klp/rename.js';
import type { SymbolSource, TranslationUnit } from '../../../../src/engine/types.js';
import { KlpError } from '../../../../src/shared/errors.js';
import { code, elf, symbol } from '../../../helpers/elf.js';

const unit: TranslationUnit = {
  source: 'fs/ext4/super.c',
  object: 'fs/ext4/super.o',
  objname: 'ext4',
  module: 'fs/ext4/ext4.ko',
  compile: [],
  cwd: '/',
  dependencies: [],
};

function klp(objname: string, name: string, sympos = 0): Extract<SymbolSource, { kind: 'klp' }> {
  return { kind: 'klp', objname, name, sympos, proof: 'test' };
}

const kernel: KernelResolver = {
  exports: () => new Map(),
  resolveAddress: (_, name) => klp('vmlinux', name),
  resolveGlobal(_, name) {
    if (name === 'nowhere') throw new KlpError('symbol-not-in-kernel', name);
    return name.startsWith('exported') ? { kind: 'export', name, namespace: 'NS' } : klp('vmlinux', name);
  },
};

describe('renameKernelSymbols', () => {
  it('gives klp symbols a name that says where they are and when they are bound', () => {
    const file = elf([code()], [symbol('static_of_module'), symbol('of_jbd2'), symbol('of_kernel')]);
    const given = new Map<string, SymbolSource>([
      ['static_of_module', klp('ext4', 'x', 2)],
      ['of_jbd2', klp('jbd2', 'y')],
    ]);
    const needs = renameKernelSymbols(file, unit, given, new Set(), kernel);
    expect(file.symbols.map((s) => decodeReference(s.name))).toEqual([
      { appliedWith: 'ext4', objname: 'ext4', name: 'x', sympos: 2 },
      { appliedWith: 'ext4', objname: 'jbd2', name: 'y', sympos: 0 },
      { appliedWith: 'vmlinux', objname: 'vmlinux', name: 'of_kernel', sympos: 0 },
    ]);
    expect(needs.symbols).toContainEqual({ object: 'ext4', name: 'x', sympos: 2, proof: 'test' });
  });

  it('binds callbacks of an object with that object', () => {
    const file = elf([code()], [symbol('alias')]);
    const given = new Map([['alias', { ...klp('jbd2', 'x'), appliedWith: 'ext4' }]]);
    renameKernelSymbols(file, { ...unit, objname: 'vmlinux' }, given, new Set(), kernel);
    expect(decodeReference(file.symbols[0]?.name ?? '')).toMatchObject({
      appliedWith: 'ext4',
      objname: 'jbd2',
    });
  });

  it('leaves exports their names and collects their namespaces', () => {
    const file = elf([], [symbol('exported_a'), symbol('alias_of_b')]);
    const given = new Map<string, SymbolSource>([['alias_of_b', { kind: 'export', name: 'exported_b' }]]);
    const needs = renameKernelSymbols(file, unit, given, new Set(), kernel);
    expect(file.symbols.map((s) => s.name)).toEqual(['exported_a', 'exported_b']);
    expect([...needs.namespaces]).toEqual(['NS']);
  });

  it('leaves what another object of the livepatch defines', () => {
    const file = elf([], [symbol('new_global')]);
    renameKernelSymbols(file, unit, new Map(), new Set(['new_global']), kernel);
    expect(file.symbols[0]?.name).toBe('new_global');
  });

  it('keeps the original of a patched exported function apart from the new one', () => {
    const text = code();
    const file = elf([text], [symbol('exported_f', { place: text }), symbol('klp_original.exported_f')]);
    const given = new Map<string, SymbolSource>([
      ['klp_original.exported_f', { kind: 'export', name: 'exported_f' }],
    ]);
    renameKernelSymbols(file, unit, given, new Set(['exported_f']), kernel);
    expect(file.symbols[0]?.name).toBe('exported_f');
    expect(decodeReference(file.symbols[1]?.name ?? '')).toMatchObject({
      objname: 'vmlinux',
      name: 'exported_f',
    });
  });

  it('lets a weak reference find nothing, and no other', () => {
    const weak = elf([], [symbol('nowhere', { binding: STB.WEAK })]);
    renameKernelSymbols(weak, unit, new Map(), new Set(), kernel);
    expect(weak.symbols[0]?.name).toBe('nowhere');
    expect(() =>
      renameKernelSymbols(elf([], [symbol('nowhere')]), unit, new Map(), new Set(), kernel),
    ).toThrow(expect.objectContaining({ code: 'symbol-not-in-kernel' }));
  });

  it('refuses a name that the livepatch format cannot carry', () => {
    const given = new Map<string, SymbolSource>([['a', klp('ext4', 'with,comma')]]);
    expect(() => renameKernelSymbols(elf([], [symbol('a')]), unit, given, new Set(), kernel)).toThrow(
      /cannot name/,
    );
  });
});

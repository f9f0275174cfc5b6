import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKallsyms } from '../../../../src/engine/kernel/kallsyms.js';
import { openSymbolFile } from '../../../../src/engine/kernel/symbol-file.js';
import { openSymbols, type KernelSymbols } from '../../../../src/engine/kernel/symbols.js';
import type { KernelTree, TranslationUnit } from '../../../../src/engine/types.js';
import { KlpError } from '../../../../src/shared/errors.js';

/** A linked toy kernel, see make.sh there: equal statics, twins, an overridden weak function, two modules. */
const toy = join(import.meta.dirname, '../../../fixtures/symbols');

function treeAt(dir: string): KernelTree {
  return {
    dir,
    source: dir,
    arch: 'x86_64',
    release: '6.12.0',
    config: new Map([['CONFIG_MODULE_UNLOAD', 'y']]),
    compilerText: 'clang',
    series: [],
    configSha256: '',
  };
}

function unit(object: string, module?: string): TranslationUnit {
  return {
    source: object.replace(/o$/, 'c'),
    object,
    objname: module === undefined ? 'vmlinux' : module.replace(/^.*\/|\.ko$/g, '').replaceAll('-', '_'),
    ...(module === undefined ? {} : { module }),
    compile: [],
    cwd: toy,
    dependencies: [],
  };
}

const first = unit('first/dup.o');
const second = unit('second/dup.o');
const one = unit('drivers/one.o', 'drivers/toy-mod.ko');
const two = unit('drivers/two.o', 'drivers/toy-mod.ko');

describe('symbols of vmlinux', () => {
  let symbols: KernelSymbols;
  beforeEach(async () => {
    symbols = await openSymbols(treeAt(toy));
  });

  it('counts equal statics by address and tells which is whose', () => {
    expect(symbols.resolveLocal(first, 'helper')).toMatchObject({
      objname: 'vmlinux',
      name: 'helper',
      sympos: 1,
    });
    expect(symbols.resolveLocal(second, 'helper')).toMatchObject({
      objname: 'vmlinux',
      name: 'helper',
      sympos: 2,
    });
  });

  it('places variables without content by the symbols around them', () => {
    expect(symbols.resolveLocal(first, 'counter', 'object').sympos).toBe(1);
    expect(symbols.resolveLocal(second, 'counter', 'object').sympos).toBe(2);
  });

  it('gives position 0 to a name that occurs once', () => {
    expect(symbols.resolveLocal(first, 'limits').sympos).toBe(0);
    expect(symbols.resolveLocal(first, 'first_entry', 'function').sympos).toBe(0);
  });

  it('refuses to choose between objects that are the same in every byte', () => {
    expect(() => symbols.resolveLocal(unit('left/twin.o'), 'twin')).toThrow(
      expect.objectContaining({ code: 'symbol-position-unproved' }),
    );
  });

  it('refuses what the link dropped', () => {
    expect(() => symbols.resolveLocal(first, 'leave')).toThrow(
      expect.objectContaining({ code: 'symbol-not-in-kernel' }),
    );
  });

  it('tells what the running kernel has freed', () => {
    expect(symbols.resolveLocal(first, 'first_setup')).toMatchObject({ freed: '.init.text' });
    expect(symbols.resolveLocal(first, 'first_entry')).not.toHaveProperty('freed');
  });

  it('tells the kind and size of a definition, and whether it can be written to', () => {
    const of = (name: string) => symbols.definition(symbols.resolveLocal(first, name));
    expect(of('limits')).toMatchObject({ kind: 'variable', size: 16, isReadOnly: true });
    expect(of('counter')).toMatchObject({ kind: 'variable', size: 4, isReadOnly: false });
    expect(of('helper')).toMatchObject({ kind: 'function', isReadOnly: true });
    expect(symbols.definition(symbols.resolveGlobal(first, 'shared'))).toMatchObject({ kind: 'function' });
  });

  it('tells a weak function from the one that overrides it', () => {
    expect(symbols.resolveLocal(unit('arch/strong.o'), 'choice').sympos).toBe(0);
    expect(() => symbols.resolveLocal(unit('lib/weak.o'), 'choice')).toThrow(/overrides/);
  });

  it('takes exported symbols by name, with their namespace, and others as klp symbols', () => {
    expect(symbols.resolveGlobal(first, 'shared')).toEqual({
      kind: 'export',
      name: 'shared',
      namespace: 'TOY',
    });
    expect(symbols.resolveGlobal(first, 'choice')).toMatchObject({
      kind: 'klp',
      objname: 'vmlinux',
      sympos: 0,
    });
    expect(symbols.resolveAddress(first, 'shared')).toMatchObject({
      kind: 'klp',
      objname: 'vmlinux',
      sympos: 0,
    });
  });

  it('does not take a static of another file for a global', () => {
    expect(() => symbols.resolveGlobal(first, 'twin')).toThrow(
      expect.objectContaining({
        code: 'symbol-not-in-kernel',
        message: 'first/dup.o needs twin, which is static in another file of this kernel: twin.c (vmlinux)',
        detail: expect.objectContaining({ file: 'first/dup.c' }) as object,
      }),
    );
    expect(() => symbols.resolveGlobal(first, 'nowhere')).toThrow(
      expect.objectContaining({
        code: 'symbol-not-in-kernel',
        message: 'first/dup.o needs nowhere, which this kernel does not have',
      }),
    );
  });

  it('does not take what only a module exports', () => {
    expect(() => symbols.resolveGlobal(first, 'provided')).toThrow(
      expect.objectContaining({ code: 'new-module-dependency' }),
    );
  });

  it('knows which functions ftrace can divert', () => {
    expect(symbols.isFtraceable(first, 'helper')).toBe(true);
    expect(symbols.isFtraceable(first, 'first_entry')).toBe(false);
    expect(symbols.isFtraceable(second, 'helper')).toBe(false);
    expect(symbols.isFtraceable(first, 'first_setup')).toBe(false);
  });
});

describe('symbols of a module', () => {
  let symbols: KernelSymbols;
  beforeEach(async () => {
    symbols = await openSymbols(treeAt(toy));
  });

  it('counts equal statics in the order of the symbol table', () => {
    expect(symbols.resolveLocal(one, 'helper')).toMatchObject({ objname: 'toy_mod', sympos: 1 });
    expect(symbols.resolveLocal(two, 'helper')).toMatchObject({ objname: 'toy_mod', sympos: 2 });
  });

  it('refuses a position that changes when the init sections go', () => {
    expect(() => symbols.resolveLocal(two, 'prepare')).toThrow(
      expect.objectContaining({ code: 'symbol-position-unproved' }),
    );
    expect(() => symbols.resolveLocal(one, 'prepare')).toThrow(
      expect.objectContaining({ code: 'symbol-not-in-kernel' }),
    );
  });

  it('is loaded with the modules that it depends on', () => {
    expect([...symbols.dependencies(two)]).toEqual(['provider_core']);
    expect([...symbols.dependencies(first)]).toEqual([]);
  });

  it('reaches its own symbols, those of modules it depends on, and those of vmlinux', () => {
    expect(symbols.resolveGlobal(two, 'one_entry')).toMatchObject({
      kind: 'klp',
      objname: 'toy_mod',
      sympos: 0,
    });
    expect(symbols.resolveGlobal(one, 'provided')).toMatchObject({ kind: 'klp', objname: 'provider_core' });
    expect(symbols.resolveGlobal(one, 'choice')).toMatchObject({ kind: 'klp', objname: 'vmlinux' });
    expect(symbols.resolveGlobal(one, 'shared')).toMatchObject({ kind: 'export' });
  });
});

describe('a kernel build that was changed', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'toy-'));
    await cp(toy, dir, { recursive: true });
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('is noticed when an object has other code than vmlinux', async () => {
    const path = join(dir, 'second/dup.o');
    const bytes = await readFile(path);
    const at = bytes.indexOf(Buffer.from([0x8d, 0x04])); // lea in `untraced`
    expect(at).toBeGreaterThan(0);
    bytes.writeUInt8(bytes.readUInt8(at + 2) ^ 0x40, at + 2);
    await writeFile(path, bytes);
    const symbols = await openSymbols(treeAt(dir));
    expect(() => symbols.resolveLocal(second, 'helper')).toThrow(
      expect.objectContaining({ code: 'symbol-position-unproved' }),
    );
  });

  it('has a name of two objects from the one that the loader takes', async () => {
    const path = join(dir, 'vmlinux');
    const bytes = await readFile(path);
    const at = bytes.indexOf('\0untraced\0');
    expect(at).toBeGreaterThan(0);
    bytes.write('\0provided\0', at);
    await writeFile(path, bytes);
    const symbols = await openSymbols(treeAt(dir));
    expect(symbols.resolveGlobal(one, 'provided')).toMatchObject({ objname: 'provider_core' });
    expect([...symbols.dependencies(one)]).toEqual(['provider_core']);
    const module = unit('drivers/provider-core.o', 'drivers/provider-core.ko');
    expect(symbols.resolveGlobal(module, 'provided')).toMatchObject({ objname: 'provider_core' });
  });

  it('has no import of a namespace that is open to named modules alone', async () => {
    const path = join(dir, 'Module.symvers');
    await writeFile(path, (await readFile(path, 'utf8')).replace('TOY', 'module:toy-test'));
    const symbols = await openSymbols(treeAt(dir));
    expect(symbols.resolveGlobal(first, 'shared')).toMatchObject({ kind: 'klp', objname: 'vmlinux' });
    expect(symbols.resolveGlobal(one, 'shared')).toMatchObject({ kind: 'klp', objname: 'vmlinux' });
  });

  it('is noticed when Module.symvers or vmlinux is missing', async () => {
    await rm(join(dir, 'Module.symvers'));
    await rm(join(dir, 'vmlinux'));
    const symbols = await openSymbols(treeAt(dir));
    const missing = expect.objectContaining({ code: 'kernel-symbols-missing' }) as Error;
    expect(() => symbols.resolveGlobal(first, 'shared')).toThrow(missing);
    expect(() => symbols.resolveLocal(first, 'helper')).toThrow(missing);
  });
});

describe('kallsyms', () => {
  it('counts names as the kernel stores them', () => {
    const count = openKallsyms(openSymbolFile(join(toy, 'vmlinux'), 'vmlinux'));
    expect([count('helper'), count('twin'), count('shared'), count('dup.c'), count('help')]).toEqual([
      2, 2, 1, 0, 0,
    ]);
  });

  it('is the same for kernels without the table in the order of names', () => {
    const file = openSymbolFile(join(toy, 'vmlinux'), 'vmlinux');
    const older = openKallsyms({
      ...file,
      named: (name) => (name === 'kallsyms_seqs_of_names' ? [] : file.named(name)),
    });
    expect([older('helper'), older('twin'), older('shared'), older('dup.c'), older('help')]).toEqual([
      2, 2, 1, 0, 0,
    ]);
  });
});

describe('openSymbolFile', () => {
  it('never fails other than by saying that the file is malformed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'toy-'));
    try {
      const good = await readFile(join(toy, 'first/dup.o'));
      const path = join(dir, 'x.o');
      const outcome = (): string => {
        try {
          const file = openSymbolFile(path, 'x.o');
          for (let i = 0; i < file.count; i++) file.symbol(i);
          file.named('helper');
          return 'read';
        } catch (error) {
          return error instanceof KlpError ? error.code : String(error);
        }
      };
      for (let at = 0; at < good.length; at += 3) {
        const bad = Buffer.from(good);
        bad.writeUInt8(0xff, at);
        await writeFile(path, bad);
        expect(['read', 'elf-malformed', 'kernel-symbols-missing']).toContain(outcome());
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

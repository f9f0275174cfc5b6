import { describe, expect, it } from 'vitest';
import { diffModules } from '../../../src/engine/diff/diff.js';
import { parseModule } from '../../../src/engine/ir/module.js';
import { checkDefinitions, provideAll, providedBy } from '../../../src/engine/provide.js';
import type { SymbolSource, TranslationUnit } from '../../../src/engine/types.js';
import { KlpError } from '../../../src/shared/errors.js';

const unit: TranslationUnit = {
  source: 'x.c',
  object: 'x.o',
  objname: 'vmlinux',
  compile: ['clang'],
  cwd: '/',
  dependencies: [],
};

const compared = (before: string, after: string): Parameters<typeof providedBy>[0] => {
  const [original, patched] = [parseModule(before, 'a.ll'), parseModule(after, 'b.ll')];
  return { unit, original, patched, diff: diffModules(original, patched) };
};

/** A kernel that has symbols of these names. */
const kernelWith = (...names: string[]): Parameters<typeof checkDefinitions>[1] => ({
  resolveGlobal: (_, name): SymbolSource => {
    if (names.includes(name)) return { kind: 'export', name };
    throw new KlpError('symbol-not-in-kernel', name);
  },
});

const f = (linkage: string): string => `define ${linkage} void @f() {\n  ret void\n}\n`;

describe('what a patched unit gives to others', () => {
  it('is its new globals and its functions that are static no more', () => {
    const g = f('dso_local').replace('@f', '@g');
    const data = '@v = dso_local global i32 0, align 4\n@w = internal global i32 0, align 4\n';
    expect(providedBy(compared(f('internal'), data + f('dso_local') + g)).sort()).toEqual(['f', 'g', 'v']);
    expect(providedBy(compared(f('dso_local'), f('dso_local')))).toEqual([]);
  });

  it('is a variable that is static no more, which stays the one of the kernel', () => {
    const one = (linkage: string): string => `@state = ${linkage} global i32 7, align 4\n${f('dso_local')}`;
    const source: SymbolSource & { kind: 'klp' } = {
      kind: 'klp',
      name: 'state',
      objname: 'vmlinux',
      sympos: 2,
      proof: '',
    };
    const { provided, opened } = provideAll([compared(one('internal'), one('dso_local'))], {
      resolveLocal: () => source,
    });
    expect([...provided]).toEqual([]);
    expect([...opened]).toEqual([['state', source]]);
  });

  it('cannot be a function or variable that the kernel has already', () => {
    const moved = compared('', f('dso_local'));
    expect(() => checkDefinitions(moved, kernelWith('f'))).toThrow(/running kernel has it/);
    expect(() => checkDefinitions(moved, kernelWith('g'))).not.toThrow();
    const data = compared('', '@v = dso_local global i32 0, align 4\n');
    expect(() => checkDefinitions(data, kernelWith('v'))).toThrow(/running kernel has it/);
  });

  it('may have the name of a function of the kernel when it is static', () => {
    expect(() => checkDefinitions(compared('', f('internal')), kernelWith('f'))).not.toThrow();
  });
});

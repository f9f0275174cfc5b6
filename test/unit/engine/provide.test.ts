import { describe, expect, it } from 'vitest';
import { checkDefinitions, provideAll, providedBy } from '../../../src/engine/provide.js';
import type { SymbolSource } from '../../../src/engine/types.js';
import { KlpError } from '../../../src/shared/errors.js';
import { comparedIr, unitOf } from '../../helpers/unit.js';

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
    expect(providedBy(comparedIr(f('internal'), data + f('dso_local') + g)).sort()).toEqual(['f', 'g', 'v']);
    expect(providedBy(comparedIr(f('dso_local'), f('dso_local')))).toEqual([]);
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
    const { offers } = provideAll([comparedIr(one('internal'), one('dso_local'))], {
      resolveLocal: () => source,
    });
    expect([...offers]).toEqual([['state', [{ objname: 'vmlinux', source }]]]);
  });

  it('belongs to its object, also where two objects add the same name', () => {
    const jbd2 = { ...unitOf('fs/jbd2/journal.c'), objname: 'jbd2' };
    const all = [
      comparedIr('', f('dso_local')),
      comparedIr(f('dso_local').replace('@f', '@g'), f('dso_local'), jbd2),
    ];
    const { offers, gone } = provideAll(all, {
      resolveLocal: () => {
        throw new Error('nothing is opened');
      },
    });
    expect([...offers]).toEqual([['f', [{ objname: 'vmlinux' }, { objname: 'jbd2' }]]]);
    expect([...gone]).toEqual(['jbd2 g']);
  });

  it('cannot be a function or variable that the kernel has already', () => {
    const moved = comparedIr('', f('dso_local'));
    expect(() => checkDefinitions(moved, kernelWith('f'))).toThrow(/running kernel has it/);
    expect(() => checkDefinitions(moved, kernelWith('g'))).not.toThrow();
    const data = comparedIr('', '@v = dso_local global i32 0, align 4\n');
    expect(() => checkDefinitions(data, kernelWith('v'))).toThrow(/running kernel has it/);
  });

  it('may have the name of a function of the kernel when it is static', () => {
    expect(() => checkDefinitions(comparedIr('', f('internal')), kernelWith('f'))).not.toThrow();
  });
});

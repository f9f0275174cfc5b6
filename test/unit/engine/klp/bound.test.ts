import { describe, expect, it } from 'vitest';
import { boundWith, patchedObjects } from '../../../../src/engine/klp/bound.js';
import { unitOf } from '../../../helpers/unit.js';

const of = (objname: string) => ({ unit: { ...unitOf(`${objname}.c`), objname } });
const objects = ['vmlinux', 'mbcache', 'ext2', 'ext4'].map(of);
const kernel = {
  dependencies: ({ objname }: { objname: string }) => new Set(objname.startsWith('ext') ? ['mbcache'] : []),
};
const bound = (...patched: string[]): string =>
  boundWith(
    of('mbcache').unit,
    patchedObjects({ objects, funcs: patched.map((objname) => ({ objname })), kernel }),
  );

describe('what code refers to in modules is bound', () => {
  it('with the object that the code belongs to, if that is patched', () => {
    expect(bound('ext4', 'mbcache')).toBe('mbcache');
  });

  it('with the one patched module that can call it, if that is not', () => {
    expect(bound('vmlinux', 'ext4')).toBe('ext4');
  });

  it.each([[['vmlinux']], [['ext2', 'ext4']]])('never by a guess: %j', (patched) => {
    expect(() => bound(...patched)).toThrow(
      expect.objectContaining({ code: 'late-relocation-impossible' }) as Error,
    );
  });
});

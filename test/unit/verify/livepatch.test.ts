import { describe, expect, it } from 'vitest';
import { patchedModules, readLivepatch } from '../../../src/verify/livepatch.js';
import { moduleFile } from '../../helpers/module-file.js';

const good = [
  'license=GPL',
  'livepatch=Y',
  'name=livepatch_x',
  'vermagic=6.12.107 SMP mod_unload modversions ',
];

describe('readLivepatch', () => {
  it('reads name, kernel and the modules it has relocations for', () => {
    const sections = [
      '.klp.rela.vmlinux.text',
      '.klp.rela.ext4.text',
      '.klp.rela.ext4.rodata',
      '.klp.rela.loop..text',
    ];
    expect(readLivepatch(moduleFile(good, sections), 'x.ko')).toEqual({
      name: 'livepatch_x',
      machine: 62,
      release: '6.12.107',
      objects: ['ext4', 'loop'],
    });
  });

  it('reads which build it was made for', () => {
    expect(readLivepatch(moduleFile([...good, 'klp_build_id=0a1b']), 'x.ko').buildId).toBe('0a1b');
  });

  it.each([
    ['an ordinary module', ['license=GPL', 'name=loop', 'vermagic=6.12.107 SMP']],
    ['a livepatch that says N', ['livepatch=N', 'name=x', 'vermagic=6.12.107 SMP']],
    ['a module without a name', ['livepatch=Y', 'vermagic=6.12.107 SMP']],
    ['a module whose name is a path', ['livepatch=Y', 'name=../x', 'vermagic=6.12.107 SMP']],
  ])('refuses %s', (_, modinfo) => {
    expect(() => readLivepatch(moduleFile(modinfo), 'x.ko')).toThrow(
      expect.objectContaining({ code: 'not-a-livepatch' }),
    );
  });

  it('refuses an object without .modinfo', () => {
    expect(() => readLivepatch(moduleFile(undefined, ['.text']), 'x.o')).toThrow(
      expect.objectContaining({ code: 'not-a-livepatch' }),
    );
  });

  it('refuses what is no ELF file, and a file that was cut off', () => {
    const malformed = expect.objectContaining({ code: 'elf-malformed' }) as Error;
    expect(() =>
      readLivepatch(Buffer.from('not an ELF file, but long enough to be read as one: '.repeat(4)), 'x'),
    ).toThrow(malformed);
    const whole = moduleFile(good);
    expect(() => readLivepatch(whole.subarray(0, whole.length - 10), 'x')).toThrow(malformed);
  });
});

describe('patchedModules', () => {
  it('leaves out the kernel itself, and modules that only get new functions', () => {
    const of = (object: string, why: 'changed' | 'new' | 'inlines') => ({ object, why });
    const functions = [
      of('ext4', 'inlines'),
      of('vmlinux', 'changed'),
      of('mbcache', 'new'),
      of('ext4', 'new'),
    ];
    expect(patchedModules(functions)).toEqual(['ext4']);
  });
});

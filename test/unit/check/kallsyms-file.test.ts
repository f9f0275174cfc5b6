import { describe, expect, it } from 'vitest';
import { readKallsyms, type KallsymsFile } from '../../../src/check/kallsyms-file.js';
import { toyKallsyms, type ToyKernel } from '../../helpers/toy-vmlinux.js';

const toy: ToyKernel = {
  machine: 62,
  vermagic: '',
  buildId: '00',
  functions: [{ name: 'zeta' }, { name: 'twin' }, { name: 'alpha' }, { name: 'twin' }],
  exports: [],
};
const modules = { ext4: ['ext4_f', 'twin'], bpf: ['twin'] };
const read = (text: string): KallsymsFile =>
  readKallsyms(text, 'k', new Set(['zeta', 'twin', 'ext4_f', 'first']));
const at = (object: string, name: string, sympos: number) => ({ object, name, sympos });
const unusable = expect.objectContaining({ code: 'kernel-file-unusable' }) as Error;

describe.each([{ hidden: false }, { hidden: true }])(
  'readKallsyms, addresses hidden: $hidden',
  ({ hidden }) => {
    const text = toyKallsyms(toy, { hidden, modules });

    it('finds symbols by name and place among equal ones', () => {
      const file = read(text);
      expect(file.restricted).toBe(hidden);
      expect(file.find(at('vmlinux', 'zeta', 0))).toEqual({ ok: true, of: 1 });
      expect(file.find(at('vmlinux', 'zeta', 1))).toEqual({ ok: true, of: 1 });
      expect(file.find(at('vmlinux', 'twin', 2))).toEqual({ ok: true, of: 2 });
      expect(file.find(at('vmlinux', 'twin', 0))).toMatchObject({
        ok: false,
        code: 'symbol-position-differs',
      });
      expect(file.find(at('vmlinux', 'twin', 3))).toMatchObject({
        ok: false,
        code: 'symbol-position-differs',
      });
      expect(file.find(at('vmlinux', 'ext4_f', 0))).toMatchObject({
        ok: false,
        code: 'symbol-not-in-kernel',
      });
    });

    it('keeps modules apart from the kernel, and from what is none', () => {
      const file = read(text);
      expect(file.find(at('ext4', 'twin', 0))).toEqual({ ok: true, of: 1 });
      expect([...file.modules]).toEqual(['ext4']);
    });

    it('refuses a list that was sorted', () => {
      const lines = text.trimEnd().split('\n');
      const sorted = lines.filter((line) => !line.includes('[')).sort(hidden ? undefined : byName);
      expect(() => read(`${sorted.join('\n')}\n`)).toThrow(unusable);
    });

    it('refuses a list that was cut off', () => {
      expect(() => read(text.slice(0, text.indexOf('alpha')))).toThrow(unusable);
      expect(() => read(text.slice(0, text.indexOf('alpha') + 6))).toThrow(/lacks _text or _end/);
      expect(() => read(text.slice(0, -3))).toThrow(unusable);
      expect(() => read('')).toThrow(/it is empty/);
    });

    it.each(['', 'dear kernel\n', 'x y z\n', '0 t\n'])('refuses what is no list: %j', (other) => {
      expect(() => read(other)).toThrow(unusable);
    });
  },
);

function byName(a: string, b: string): number {
  return a.slice(19) < b.slice(19) ? -1 : 1;
}

describe('an address of 0 among others', () => {
  it('is none to the kernel', () => {
    const text = `0000000000000000 A first\n${toyKallsyms(toy)}`;
    expect(read(text).find(at('vmlinux', 'first', 0))).toMatchObject({
      ok: false,
      code: 'symbol-not-in-kernel',
    });
  });
});

import { describe, expect, it } from 'vitest';
import { SHF, SHN, STT } from '../../../../src/engine/elf/constants.js';
import type { ElfFile } from '../../../../src/engine/elf/model.js';
import { readElf } from '../../../../src/engine/elf/read.js';
import { writeElf } from '../../../../src/engine/elf/write.js';
import {
  fillerObject,
  lateBranches,
  lateModules,
  lateProblems,
  lateRules,
  reloadFindings,
  refuseLate,
} from '../../../../src/engine/klp/late.js';
import { archData } from '../../../../src/shared/catalog.js';
import { elf, rela, relocations, section, symbol } from '../../../helpers/elf.js';

const adrp = 275;
const abs64 = 257;
const rules = archData('arm64').lateRelocations;
const erratum = new Map([['CONFIG_ARM64_ERRATUM_843419', 'y']]);

/** A livepatch whose code or data has one relocation, applied with `object`. */
function module(target: string, offset: number, type: number, object = 'ext4'): ElfFile {
  const place = section(target, SHF.ALLOC | (target === '.data' ? SHF.WRITE : SHF.EXECINSTR), 8192);
  const needed = symbol(`.klp.sym.${object}.counter,0`, { place: SHN.LIVEPATCH });
  const f = symbol('ext4_show', { place, type: STT.FUNC, value: 4000n, size: 200n });
  const relas = {
    ...relocations(place, [rela(offset, needed, 0n, type)]),
    name: `.klp.rela.${object}.${target}`,
  };
  return elf([place, relas], [f, needed]);
}

describe('late relocations on arm64', () => {
  it.each([0xff0, 0xff4, 0x1000, 0x1ff0])('may be page addresses at offset %i', (offset) => {
    expect(lateProblems(module('.text', offset, adrp), rules, erratum)).toEqual([]);
  });

  it.each([0xff8, 0xffc, 0x1ff8])(
    'are no page addresses at the end of a page (%i): the code has to move',
    (offset) => {
      const ko = module('.text', offset, adrp);
      const problems = lateProblems(ko, rules, erratum);
      expect(problems).toMatchObject([{ movable: true }]);
      expect(() => refuseLate(ko, problems)).toThrow(
        expect.objectContaining({ code: 'late-relocation-impossible' }),
      );
    },
  );

  it('name the function that needs them when they are refused', () => {
    const ko = module('.text', 0xff8, adrp);
    expect(() => refuseLate(ko, lateProblems(ko, rules, erratum))).toThrow(
      /^ext4_show needs ext4\.counter,0 /,
    );
  });

  it('are free to be anywhere without the workaround, with another instruction, or for vmlinux', () => {
    expect(lateProblems(module('.text', 0xff8, adrp), rules, new Map())).toEqual([]);
    expect(lateProblems(module('.text', 0xff8, 277), rules, erratum)).toEqual([]);
    expect(lateProblems(module('.text', 0xff8, adrp, 'vmlinux'), rules, erratum)).toEqual([]);
  });

  it('are lost in data that is not aligned', () => {
    expect(lateProblems(module('.data', 20, abs64), rules, erratum)).toEqual([]);
    expect(lateProblems(module('.data', 22, abs64), rules, erratum)).toMatchObject([{ movable: false }]);
  });
});

describe('late relocations of a kernel with a set of ours', () => {
  it.each([
    [[], 1],
    [['arm64-livepatch-of-others'], 1],
    [['arm64-livepatch-6.17'], 0],
    [['arm64-livepatch-6.9'], 0],
  ])('%j may be at any address, others not', (series, problems) => {
    const rules = lateRules({ arch: 'arm64', series });
    expect(lateProblems(module('.data', 22, abs64), rules, erratum)).toHaveLength(problems);
    expect(lateProblems(module('.text', 0xff8, adrp), rules, erratum)).toHaveLength(1);
  });
});

describe('late branches', () => {
  it.each([282, 283])('are found by their type (%i), with the module that they lead to', (type) => {
    expect(lateBranches(module('.text', 16, type), rules)).toEqual(['ext4']);
    expect(lateBranches(module('.text', 16, type, 'vmlinux'), rules)).toEqual([]);
  });

  it('are no addresses of data', () => {
    expect(lateBranches(module('.data', 16, abs64), rules)).toEqual([]);
    expect(lateBranches(module('.text', 16, adrp), rules)).toEqual([]);
  });
});

it('late relocations have no such rules on x86_64', () => {
  expect(lateProblems(module('.text', 0xff9, adrp), archData('x86_64').lateRelocations, erratum)).toEqual([]);
});

it('a filler moves code and adds nothing else', () => {
  const filler = readElf(writeElf(fillerObject(183, 0, 48)), 'filler.o');
  expect(filler.sections.map(({ name, size }) => [name, size])).toEqual([['.text', 48]]);
  expect(filler.symbols).toEqual([]);
  expect(filler.machine).toBe(183);
});

describe('a module that the livepatch has late relocations against', () => {
  const kernel = (...functions: string[]) => ({ hasFunction: (name: string) => functions.includes(name) });

  it('is not loaded a second time by a kernel that leaves them where they are, which is told', () => {
    const modules = lateModules(module('.data', 16, abs64));
    expect(modules).toEqual(['ext4']);
    expect(reloadFindings(modules, kernel())).toMatchObject([
      { code: 'module-loads-once', severity: 'warning', message: expect.stringContaining('ext4') as string },
    ]);
  });

  it('comes and goes in other kernels, and where there is none nothing is told', () => {
    expect(reloadFindings(['ext4'], kernel('clear_relocate_add'))).toEqual([]);
    expect(lateModules(module('.data', 16, abs64, 'vmlinux'))).toEqual([]);
    expect(reloadFindings([], kernel())).toEqual([]);
  });
});

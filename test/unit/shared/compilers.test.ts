import { describe, expect, it } from 'vitest';
import { archData, debianData, supportedArchs } from '../../../src/shared/catalog.js';
import {
  llvmFor,
  servedKernels,
  supportedLlvms,
  toolchainData,
  toolchainOf,
} from '../../../src/shared/compilers.js';

const [x86, arm] = [archData('x86_64'), archData('arm64')];

describe('the compiler for a kernel', () => {
  it.each([
    ['6.1.170', 16],
    ['6.4', 16],
    ['6.12.107', 19],
    ['7.2', 19],
  ])('for Linux %s is LLVM %i', (kernel, llvm) => {
    expect(llvmFor(kernel, x86)).toBe(llvm);
  });

  it('can be another that fits', () => {
    expect(llvmFor('6.12', x86, 17)).toBe(17);
  });

  it('is never below what the kernel asks for', () => {
    expect(() => llvmFor('7.2', x86, 14)).toThrow(
      expect.objectContaining({ code: 'llvm-does-not-fit', kind: 'refused' }),
    );
  });

  it('may have another minimum on another architecture', () => {
    expect(llvmFor('6.15', arm, 14)).toBe(14);
    expect(() => llvmFor('6.15', x86, 14)).toThrow('Linux 6.15 on x86_64 needs LLVM 15 or newer, not 14');
    expect(() => llvmFor('6.18', arm, 14)).toThrow('needs LLVM 15');
  });

  it('is refused with the reason where a pair is known not to work', () => {
    expect(() => llvmFor('7.1.3', arm, 16)).toThrow(
      expect.objectContaining({
        code: 'llvm-does-not-fit',
        message: expect.stringMatching(/^Linux 7\.1\.3 on arm64 with LLVM 16: does not build/) as string,
      }),
    );
    expect(llvmFor('7.1.3', arm, 17)).toBe(17);
  });

  it('is refused for kernels that are in no row', () => {
    expect(() => llvmFor('5.15', x86)).toThrow(expect.objectContaining({ code: 'kernel-too-old' }));
  });

  it('names the versions there are when one is unknown', () => {
    expect(() => llvmFor('6.12', x86, 99)).toThrow(
      expect.objectContaining({ code: 'unknown-llvm', message: expect.stringContaining('19') as string }),
    );
  });

  it.each(supportedLlvms())('LLVM %i comes from a suite that is in the catalogue', (llvm) => {
    const { suite, packages } = toolchainData(llvm);
    expect(debianData().suites).toHaveProperty(suite);
    expect(packages).toContain(`clang-${llvm}`);
  });
});

describe('the toolchain that a compiler names', () => {
  it.each([
    ['Debian clang version 19.1.7 (3+b1)', 19, 'trixie'],
    ['Debian clang version 19.1.7 (3~deb12u1)', 19, 'bookworm'],
    ['Debian clang version 16.0.6 (15~deb12u1)', 16, 'bookworm'],
    ['Debian clang version 14.0.6', 14, 'bookworm'],
    ['Debian clang version 13.0.1-11+b2', 13, 'bookworm'],
    ['Debian clang version 21.1.8 (3~bpo13+2)', 21, 'trixie-backports'],
    ['Debian clang version 22.1.8 (1~deb13u4)', 22, 'trixie'],
    ['Debian clang version 22.1.8 (1~deb12u1)', 22, 'bookworm'],
  ])('%s', (text, llvm, suite) => {
    expect(toolchainOf(text)).toMatchObject({ llvm, suite });
    expect(toolchainOf(text)?.packages).toContain(`clang-${llvm}`);
  });

  it.each([
    'clang version 19.1.7',
    'Ubuntu clang version 18.1.3 (1ubuntu1)',
    'Debian clang version 19.1.7 (++20250114103320+cd708029e0b2-1~exp1~20250114103432.75)',
    'Debian clang version 11.0.1-2',
    'gcc (Debian 12.2.0-14) 12.2.0',
    '',
  ])('is none of ours: %s', (text) => {
    expect(toolchainOf(text)).toBeUndefined();
  });
});

describe('the list of what is served', () => {
  const rows = servedKernels();

  it('has every architecture without a gap, from its first kernel on', () => {
    for (const arch of supportedArchs()) {
      const own = rows.filter((row) => row.arch === arch);
      own.forEach((row, i) => expect(row.before).toBe(own[i + 1]?.from));
      expect(own.at(-1)?.before).toBeUndefined();
    }
    expect(rows.find((row) => row.arch === 'arm64')?.from).toBe('6.4.0');
  });

  it('names what can be asked for, and nothing else', () => {
    for (const { arch, from, llvm, others } of rows) {
      expect(llvmFor(from, archData(arch))).toBe(llvm);
      for (const other of supportedLlvms()) {
        const works = [llvm, ...others].includes(other);
        const ask = (): number => llvmFor(from, archData(arch), other);
        if (works) expect(ask()).toBe(other);
        else expect(ask).toThrow(expect.objectContaining({ code: 'llvm-does-not-fit' }));
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { bitcodeArgv, codeArgv } from '../../../../src/engine/object/compile.js';
import type { TranslationUnit } from '../../../../src/engine/types.js';

const unit: TranslationUnit = {
  source: 'a/b.c',
  object: 'a/b.o',
  objname: 'vmlinux',
  compile: [
    ...[
      'clang-19',
      '-Wp,-MMD,a/.b.o.d',
      '-nostdinc',
      '-I./include',
      '-include',
      './include/x.h',
      '-D__KERNEL__',
    ],
    ...[
      '--target=aarch64-linux-gnu',
      '-O2',
      '-fpatchable-function-entry=4,2',
      '-Wall',
      '-c',
      '-o',
      'a/b.o',
      'a/b.c',
    ],
  ],
  cwd: '/build',
  dependencies: [],
};

describe('code generation from IR', () => {
  const argv = codeArgv(unit, '/tmp/in.bc', '/tmp/out.o');

  it('has the options that make code, and none of the preprocessor or of the recorded files', () => {
    expect(argv.slice(0, 4)).toEqual([
      'clang-19',
      '--target=aarch64-linux-gnu',
      '-O2',
      '-fpatchable-function-entry=4,2',
    ]);
    expect(argv.slice(-6)).toEqual(['-x', 'ir', '-c', '-o', '/tmp/out.o', '/tmp/in.bc']);
  });

  it('runs no IR pass', () => {
    expect(argv.join(' ')).toContain(' -Xclang -disable-llvm-passes ');
  });
});

describe('compilation to bitcode', () => {
  it('is the recorded one with another output', () => {
    const argv = bitcodeArgv(unit, '/tmp/out.bc');
    expect(argv.slice(0, 3)).toEqual(['clang-19', '-nostdinc', '-I./include']);
    expect(argv.slice(-5)).toEqual(['-emit-llvm', '-c', '-o', '/tmp/out.bc', 'a/b.c']);
    expect(argv).not.toContain('-Wp,-MMD,a/.b.o.d');
  });

  it('keeps places in the source without debug information, which changes code on arm64', () => {
    const argv = bitcodeArgv(unit, '/tmp/out.bc');
    expect(argv).toContain('-Rpass=^$');
    expect(argv.filter((argument) => argument.startsWith('-g'))).toEqual([]);
  });

  it.each(['-g', '-g1', '-gdwarf-5'])(
    'makes line tables where the kernel has debug information (%s)',
    (option) => {
      const [program = '', ...rest] = unit.compile;
      const argv = bitcodeArgv({ ...unit, compile: [program, option, ...rest] }, '/tmp/out.bc');
      expect(argv.indexOf('-gline-tables-only')).toBeGreaterThan(argv.indexOf(option));
    },
  );
});

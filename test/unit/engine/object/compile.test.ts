import { describe, expect, it } from 'vitest';
import { codeArgv } from '../../../../src/engine/object/compile.js';
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

  it('runs no IR pass, and does not let line tables have a say in the code', () => {
    expect(argv.join(' ')).toContain(' -Xclang -disable-llvm-passes -mllvm -disable-debug-info-print ');
  });
});

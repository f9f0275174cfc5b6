import { describe, expect, it } from 'vitest';
import { archData } from '../../../src/shared/catalog.js';
import { diffModules } from '../../../src/engine/diff/diff.js';
import { parseModule } from '../../../src/engine/ir/module.js';
import type { PatchedFile, TranslationUnit } from '../../../src/engine/types.js';
import { explainFunctions } from '../../../src/engine/why.js';

const unit: TranslationUnit = {
  source: 'x.c',
  object: 'x.o',
  objname: 'vmlinux',
  compile: ['clang'],
  cwd: '/',
  dependencies: ['x.c', 'include/x.h', 'include/y.h'],
};

const returning = (n: number, name = 'f'): string => `define dso_local i32 @${name}() {\n  ret i32 ${n}\n}\n`;

/** Why `f`, whose code changes, is in the livepatch. */
function why(...files: PatchedFile[]) {
  return whyOf('f', 'x86_64', files);
}

function whyOf(name: string, arch: string, files: PatchedFile[]) {
  const [original, patched] = [1, 2].map((n) => parseModule(returning(n, name), `${n}.ll`));
  if (!original || !patched) throw new Error('no modules');
  const diff = diffModules(original, patched);
  const analysed = { unit, file: undefined, original, patched, diff, dir: '' };
  return explainFunctions(analysed, [], files, archData(arch)).map((f) => [f.name, f.why, f.because]);
}

const changed = (path: string, patched: string, line: number): PatchedFile => ({
  path,
  original: '',
  patched,
  changed: [{ from: line, to: line, patch: 'p', patchLine: 1 }],
});

describe('why a function is in the livepatch', () => {
  it('the patch changes it', () => {
    expect(why(changed('x.c', 'int f(void)\n{\n\treturn 2;\n}\n', 3))).toEqual([['f', 'changed', []]]);
  });

  it('it refers to a macro that changed, which says more than other changes do', () => {
    const header = changed('include/x.h', '#define TWO 2\n', 1);
    const other = changed('include/y.h', 'static inline int g(void)\n{\n\treturn 3;\n}\n', 3);
    expect(why(header, other)).toEqual([['f', 'references', ['TWO']]]);
    expect(why(other)).toEqual([['f', 'references', ['g']]]);
  });

  it('does not name what the unit has not read', () => {
    const [header, unread] = ['include/x.h', 'z.c'].map((path) =>
      changed(path, `#define IN_${path[0]} 2\n`, 1),
    );
    expect(why(header!, unread!)).toEqual([['f', 'references', ['IN_i']]]);
  });

  it.each([
    ['x86_64', '__x64_sys_dup'],
    ['x86_64', '__ia32_sys_dup'],
    ['arm64', '__arm64_sys_dup'],
    ['arm64', '__se_sys_dup'],
  ])('the patch changes the system call whose entry point it is (%s: %s)', (arch, name) => {
    const file = changed('x.c', 'SYSCALL_DEFINE1(dup, int, fd)\n{\n\treturn 2;\n}\n', 3);
    expect(whyOf(name, arch, [file])).toEqual([[name, 'changed', []]]);
  });

  it('an entry point of another architecture is none', () => {
    const file = changed('x.c', 'SYSCALL_DEFINE1(dup, int, fd)\n{\n\treturn 2;\n}\n', 3);
    expect(whyOf('__x64_sys_dup', 'arm64', [file])).toEqual([['__x64_sys_dup', 'references', ['sys_dup']]]);
  });

  it('the place of the change, when it is in no definition', () => {
    expect(why(changed('include/x.h', '\n#undef TWO\n', 2))).toEqual([
      ['f', 'references', ['include/x.h:2']],
    ]);
  });
});

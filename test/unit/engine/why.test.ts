import { describe, expect, it } from 'vitest';
import { archData } from '../../../src/shared/catalog.js';
import { select } from '../../../src/engine/distill/select.js';
import type { PatchedFile, TranslationUnit } from '../../../src/engine/types.js';
import { explain, namesOn } from '../../../src/engine/why.js';
import { definitionsIn } from '../../../src/engine/why/definitions.js';
import { headerFindings } from '../../../src/engine/why/headers.js';
import { unchangedFiles } from '../../../src/engine/why/unchanged.js';
import { comparedIr, unitOf } from '../../helpers/unit.js';

const unit = unitOf('x.c', 'x.c', 'include/x.h', 'include/y.h');

const returning = (n: number, name = 'f'): string => `define dso_local i32 @${name}() {\n  ret i32 ${n}\n}\n`;

/** Why `f`, whose code changes, is in the livepatch. */
function why(...files: PatchedFile[]) {
  return whyOf('f', 'x86_64', files);
}

function whyOf(name: string, arch: string, files: PatchedFile[]) {
  const texts = [1, 2].map((n) => returning(n, name)) as [string, string];
  return explained(texts, files, { arch }).functions.map((f) => [f.name, f.why, f.because]);
}

/** What is told of a livepatch of one unit. */
function explained(
  [before, after]: readonly [string, string],
  files: PatchedFile[],
  { arch = 'x86_64' } = {},
) {
  const analysed = comparedIr(before, after, unit);
  const selection = select(analysed.patched, analysed.diff, unit.source);
  const included = { analysed, selection, funcs: [] };
  return explain([included], definitionsIn(files), [], namesOn(archData(arch)));
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

/** The graph's edges with names in place of ids. */
function edges({ graph }: ReturnType<typeof explained>): string[] {
  const names = new Map([...graph.nodes, ...graph.touched].map(({ id, name }) => [id, name]));
  return graph.edges.map(({ from, to, how }) => `${names.get(from)} ${how} ${names.get(to)}`);
}

describe('the graph of a livepatch', () => {
  const location = `!1 = !DISubprogram(name: "f", file: !3, line: 5)
!2 = !DISubprogram(name: "h", file: !3, line: 1)
!3 = !DIFile(filename: "x.c")
!4 = !DILocation(line: 3, scope: !2, inlinedAt: !5)
!5 = !DILocation(line: 7, scope: !1)
`;
  const inlining = (n: number): string =>
    `define i32 @f() !dbg !1 {\n  ret i32 ${n}, !dbg !4\n}\n${location}`;
  const helper = changed('x.c', 'static int h(void)\n{\n\treturn 2;\n}\n', 3);

  it('a function that inlines a changed one', () => {
    const told = explained([inlining(1), inlining(2)], [helper]);
    expect(edges(told)).toEqual(['f inlines h']);
    expect(told.functions).toMatchObject([{ name: 'f', why: 'inlines', because: ['h'] }]);
    expect(told.graph).toMatchObject({
      figures: { touched: 1, included: 1 },
      touched: [{ name: 'h', kind: 'function', source: { file: 'x.c', line: 3 }, outcome: 'inlined' }],
      nodes: [{ name: 'f', object: 'vmlinux', kind: 'function', why: 'inlines', replaces: true }],
    });
  });

  const file = changed('x.c', 'int f(void)\n{\n\treturn g(&count);\n}\n', 3);
  const withNew = `@.str = private unnamed_addr constant [2 x i8] c"a\\00"
@count = internal global i32 0
define internal i32 @g(ptr %0) {
  ret i32 7
}
define i32 @f() {
  %1 = call i32 @g(ptr @.str)
  %2 = call i32 @g(ptr @count)
  ret i32 %2
}
`;

  it('new functions, new data and texts, by what uses them', () => {
    const told = explained([returning(1), withNew], [file]);
    expect(edges(told).sort()).toEqual([
      '.str used-by f',
      'count used-by f',
      'f compiled-from f',
      'g called-by f',
    ]);
    expect(
      told.graph.nodes.map(({ name, kind, why, replaces }) => [name, kind, why, replaces]).sort(),
    ).toEqual([
      ['.str', 'data', 'constant', false],
      ['count', 'data', 'new', false],
      ['f', 'function', 'changed', true],
      ['g', 'function', 'new', false],
    ]);
    expect(told.graph.touched).toMatchObject([{ name: 'f', outcome: 'included' }]);
  });

  it('a table that changes, and the function that comes along because it reads it', () => {
    const table = (n: number): string =>
      `@table = internal unnamed_addr constant [2 x i32] [i32 1, i32 ${n}]
define i32 @f(i64 %0) {
  %2 = getelementptr inbounds [2 x i32], ptr @table, i64 0, i64 %0
  %3 = load i32, ptr %2
  ret i32 %3
}
`;
    const told = explained(
      [table(1), table(2)],
      [changed('x.c', 'static const int table[] = {\n\t1,\n\t2,\n};\n', 3)],
    );
    expect(edges(told)).toEqual(['f refers-to table', 'table compiled-from table']);
    expect(told.graph.touched).toMatchObject([{ name: 'table', kind: 'other', outcome: 'included' }]);
  });

  it('a function whose code rests on what is known of another', () => {
    const ranged = (n: number): string => `define internal range(i32 0, ${n}) i32 @g() noinline {
  ret i32 ${n - 1}
}
define i32 @f() {
  %1 = call i32 @g()
  ret i32 %1
}
`;
    const told = explained(
      [ranged(2), ranged(3)],
      [changed('x.c', 'static int g(void)\n{\n\treturn 2;\n}\n', 3)],
    );
    expect(edges(told).sort()).toEqual(['f interface-of g', 'g compiled-from g']);
    expect(told.functions.map((f) => [f.name, f.why, f.because])).toEqual([
      ['g', 'changed', []],
      ['f', 'references', ['g']],
    ]);
  });

  it.each([
    ['unchanged', { withCode: new Set(['f']) }],
    ['unused', {}],
    ['not-built', { notBuilt: true }],
  ] as const)(
    'a touched function that the livepatch has nothing of: %s',
    (
      outcome,
      {
        notBuilt,
        ...seen
      }: {
        notBuilt?: true;
        withCode?: Set<string>;
      },
    ) => {
      const definitions = definitionsIn([file]);
      const all = {
        unit,
        withCode: new Set<string>(),
        notBuilt: new Set(notBuilt ? definitions.all : []),
        ...seen,
      };
      const { graph } = explain([], definitions, [all], namesOn(archData('x86_64')));
      expect(graph).toMatchObject({
        figures: { touched: 1, included: 0 },
        touched: [{ name: 'f', outcome }],
      });
    },
  );
});

describe('a file of the patch that makes no difference', () => {
  const header: PatchedFile = changed('include/x.h', 'static inline int h(void)\n{\n\treturn 2;\n}\n', 3);
  const of = (changedUnits: TranslationUnit[], outcome: 'unchanged' | 'not-built') =>
    unchangedFiles([header], [unit], changedUnits, [{ ...definitionsIn([header]).all[0]!, outcome }]).map(
      ({ message }) => message,
    );

  it('is named with the reason, also when it is a header', () => {
    expect(of([], 'unchanged')).toEqual([
      'the change to include/x.h makes no difference in any object of this kernel: the code is the same of h',
    ]);
    expect(of([], 'not-built')).toEqual([
      'the change to include/x.h makes no difference in any object of this kernel: this configuration does not build h',
    ]);
  });

  it('is not named when an object that reads it differs', () => {
    expect(of([unit], 'unchanged')).toEqual([]);
  });
});

describe('the fix of an inline function', () => {
  const said = (file: string, outcome: 'inlined' | 'included') => {
    const header = changed(file, 'static inline int h(void)\n{\n\treturn 2;\n}\n', 3);
    return headerFindings([{ ...definitionsIn([header]).all[0]!, outcome }]);
  };

  it.each(['include/linux/x.h', 'arch/x86/include/asm/x.h'])(
    'does not reach modules from outside the tree that have it inlined: %s',
    (file) => {
      expect(said(file, 'inlined')).toMatchObject([
        {
          code: 'other-modules-unfixed',
          severity: 'note',
          file,
          message: expect.stringContaining(' h ') as string,
        },
      ]);
    },
  );

  it('is all that there is where only the kernel can have it', () => {
    expect(said('fs/ext4/ext4.h', 'inlined')).toEqual([]);
    expect(said('fs/ext4/super.c', 'included')).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { judge, type Verdict } from '../../../../src/engine/diff/refuse.js';
import type { PatchedFile } from '../../../../src/engine/types.js';
import { comparedIr, unitOf } from '../../../helpers/unit.js';

function verdict(original: string, patched: string, file?: PatchedFile): Verdict {
  return judge(comparedIr(original, patched), file ? [file] : []);
}

const codes = (v: Verdict): string[] => v.refusals.map((r) => r.code);

describe('what a livepatch cannot carry', () => {
  it.each([
    [
      'data-changed',
      '@limit = internal global i32 1, align 4\n',
      '@limit = internal global i32 2, align 4\n',
    ],
    [
      'init-function-changed',
      'define internal i32 @setup() section ".init.text" {\n  ret i32 0\n}\n',
      'define internal i32 @setup() section ".init.text" {\n  ret i32 1\n}\n',
    ],
    [
      'registered-data-changed',
      '',
      '@__param_x = internal constant { i32 } { i32 1 }, section "__param", align 8\n',
    ],
    [
      'registered-data-changed',
      '',
      '@_kbl_addr_f = internal global i64 1, section "_kprobe_blacklist", align 8\n',
    ],
    ['export-changed', '', 'module asm ".section \\22.export_symbol\\22"\n'],
    ['file-asm-changed', '', 'module asm "__initcall__kmod_x__1_2_setup6:"\n'],
    [
      'alias-changed',
      'define dso_local i32 @f() {\n  ret i32 0\n}\n',
      'define dso_local i32 @f() {\n  ret i32 0\n}\n@g = dso_local alias i32 (), ptr @f\n',
    ],
  ])('%s', (code, original, patched) => {
    expect(codes(verdict(original, patched))).toContain(code);
  });

  it('the content of read-only data, which a callback cannot set either', () => {
    const table = (value: number): string =>
      `@table = internal constant { i32, ptr } { i32 ${value}, ptr null }\n`;
    const [refusal] = verdict(table(1), table(2)).refusals;
    expect(refusal?.message).toContain('the initial value of table changes');
    expect(refusal?.message).toContain('read-only memory');
    expect(refusal?.advice).toMatch(/^Change the functions that read .* A callback cannot set it/);
    const other = '@table = internal constant { i32, i64 } { i32 1, i64 0 }\n';
    expect(verdict(table(1), other).refusals[0]?.message).toContain(
      'the type or initial value of table changes',
    );
  });

  it('data whose value a header changes that does not name it, told at the line of the header', () => {
    const changed = [{ from: 5, to: 5, patch: 'p', patchLine: 1 }];
    const file = { path: 'x.h', original: '', patched: '\n\n\n\n#define SIZE 32\n', changed };
    const compared = comparedIr('@limit = global i32 1\n', '@limit = global i32 2\n', unitOf('x.c', 'x.h'));
    expect(judge(compared, [file]).refusals).toMatchObject([
      { code: 'data-changed', detail: { file: 'x.h', line: 5, object: 'x.o' } },
    ]);
  });

  it('assembly of a unit in a file that its source includes, told as a reader expects it', () => {
    const asm = 'module asm ".section \\22.export_symbol\\22,\\22a\\22"\n';
    const range = { from: 7, to: 7, patch: 'p', patchLine: 1 };
    const files = ['other.c', 'part.c'].map((path) => ({
      path,
      original: '',
      patched: '',
      changed: [range],
    }));
    const { refusals } = judge(comparedIr('', asm, unitOf('x.c', 'part.c')), files);
    expect(refusals).toMatchObject([
      { code: 'export-changed', detail: { file: 'part.c', line: 7, object: 'x.o' } },
    ]);
    expect(refusals[0]?.detail.output).toContain('+ .section ".export_symbol","a"');
  });

  it.each(['.data..read_mostly', '.data..percpu', '__dyndbg', '.printk_index', '.rodata.str'])(
    'lets data come and go in %s',
    (section) => {
      const data = `@v = internal global i32 1, section "${section}", align 4\n`;
      expect([...codes(verdict('', data)), ...codes(verdict(data, ''))]).toEqual([]);
    },
  );

  it.each([
    ['internal global i32 2, align 4', /initial value of limit/],
    ['internal global i64 1, align 4', /type of limit/],
    ['internal global i32 1, section ".data..read_mostly", align 4', /section or alignment of limit/],
  ])('says what of a variable changes: %s', (after, message) => {
    const v = verdict('@limit = internal global i32 1, align 4\n', `@limit = ${after}\n`);
    expect(v.refusals.map((r) => r.message)).toEqual([expect.stringMatching(message)]);
  });

  const state = (name: string): string =>
    `@${name} = internal global i32 0, align 4\ndefine dso_local void @f() {\n  store i32 1, ptr @${name}, align 4\n  ret void\n}\n`;

  it('a variable that may have been renamed', () => {
    expect(codes(verdict(state('on'), state('enabled')))).toEqual(['data-renamed']);
    expect(codes(verdict(state('f.on'), state('g.on')))).toEqual(['data-renamed']);
  });

  it('a variable in whose place a function uses another one, of whatever type and content', () => {
    const other = state('enabled').replace('global i32 0', 'global i32 1');
    expect(codes(verdict(state('on'), other))).toEqual(['data-renamed']);
    expect(codes(verdict(state('on'), other.replaceAll('i32', 'i64')))).toEqual(['data-renamed']);
    // What no function used in the other's place is new.
    const apart = other.replace('@f()', '@g()') + 'define dso_local void @f() {\n  ret void\n}\n';
    expect(codes(verdict(state('on'), apart))).toEqual([]);
  });

  it('lets records about code come and go', () => {
    const record = (name: string): string =>
      `@${name} = internal global ptr null, section ".discard.addressable", align 8\n`;
    expect(codes(verdict(record('a'), record('b')))).toEqual([]);
  });

  it('lets the flag of a message that appears once move to another function', () => {
    expect(codes(verdict(state('f.__already_done'), state('g.__already_done')))).toEqual([]);
  });

  it('names the line in the patched file', () => {
    const file: PatchedFile = {
      path: 'x.c',
      original: 'int a;\nstatic int limit = 1;\n',
      patched: 'int a;\nstatic int limit = 2;\n',
      changed: [{ from: 2, to: 2, patch: 'p', patchLine: 5 }],
    };
    const [refusal] = verdict(
      '@limit = internal global i32 1, align 4\n',
      '@limit = internal global i32 2, align 4\n',
      file,
    ).refusals;
    expect(refusal?.detail).toMatchObject({ file: 'x.c', line: 2 });
  });

  it('warns of module information that stays as it is', () => {
    const info = (text: string): string =>
      `@__UNIQUE_ID_description1 = internal constant [2 x i8] c"${text}\\00", section ".modinfo", align 1\n`;
    const v = verdict(info('a'), info('b'));
    expect(codes(v)).toEqual([]);
    expect(v.notes.map((n) => n.code)).toEqual(['modinfo-not-carried']);
  });
});

describe('new state of a module', () => {
  const state = '@ready = internal global i8 0, align 1\n';
  const others =
    '@table = internal constant i8 1, align 1\n' +
    '@f.__already_done = internal global i8 0, align 1\n' +
    '@record = internal global i8 0, section "__dyndbg", align 1\n';
  const notes = (module: boolean): string[] => {
    const unit = { ...unitOf(), ...(module ? { objname: 'ext4', module: 'fs/ext4/ext4.ko' } : {}) };
    return judge(comparedIr('', state + others, unit), []).notes.map((n) => `${n.code}: ${n.message}`);
  };

  it('tells that new state of a module stays when the module goes', () => {
    expect(notes(true)).toEqual([
      'state-outlives-module: ready is new, and keeps its value in the livepatch when ext4 is unloaded and loaded again',
    ]);
  });

  it('is no matter in what never goes', () => {
    expect(notes(false)).toEqual([]);
  });
});

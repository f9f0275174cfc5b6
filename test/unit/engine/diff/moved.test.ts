import { describe, expect, it } from 'vitest';
import type { ComparedUnit } from '../../../../src/engine/diff/interface.js';
import { judgeMoves } from '../../../../src/engine/diff/moved.js';
import { comparedIr, unitOf } from '../../../helpers/unit.js';

const judged = (...all: ComparedUnit[]): string[] =>
  judgeMoves(all, []).map((r) => `${r.code}: ${r.message}`);
const compared = (source: string, before: string, after: string): ComparedUnit =>
  comparedIr(before, after, unitOf(source));

const user = (name: string, type = 'i32', variable = ''): string =>
  `${variable}define dso_local void @f() {\n  store ${type} 1, ptr @${name}, align 4\n  ret void\n}\n`;
const external = (name: string, type = 'i32'): string =>
  `@${name} = external dso_local global ${type}, align 4\n`;

describe('state that moves between files', () => {
  it('is refused under its name', () => {
    const own = '@uses = internal global i32 0, align 4\n';
    const [a, b] = [
      compared('a.c', user('uses', 'i32', own), ''),
      compared('b.c', '', user('uses', 'i32', own)),
    ];
    expect(judged(a, b)).toEqual([
      'data-renamed: uses of b.c is new and uses of a.c is gone: the value of uses in the running kernel would be lost',
    ]);
  });

  it('is refused under another name and type where a third file uses it', () => {
    const a = compared('a.c', '@old = dso_local global i32 3, align 4\n', '');
    const b = compared('b.c', '', '@now = dso_local global i64 3, align 8\n');
    const c = compared(
      'c.c',
      user('old', 'i32', external('old')),
      user('now', 'i64', external('now', 'i64')),
    );
    expect(judged(a, b, c)).toEqual([
      'data-renamed: now of b.c is new and old of a.c is gone: the value of old in the running kernel would be lost',
    ]);
  });

  it('is refused where another file than its own alone uses it', () => {
    const own = (name: string, type: string): string => `@${name} = dso_local global ${type} 3, align 8\n`;
    const a = compared('a.c', own('old', 'i32'), own('now', 'i64'));
    const b = compared(
      'b.c',
      user('old', 'i32', external('old')),
      user('now', 'i64', external('now', 'i64')),
    );
    expect(judged(a, b)).toEqual([
      expect.stringMatching(/^data-renamed: now of a.c is new and old of a.c is gone/),
    ]);
  });

  it('is none where one is gone and an unlike one of another file is new', () => {
    const a = compared('a.c', user('warned', 'i8', '@warned = internal global i8 0, align 1\n'), '');
    const b = compared('b.c', '', user('count', 'i8', '@count = internal global i8 0, align 1\n'));
    expect(judged(a, b)).toEqual([]);
  });

  it('is none where a record or a flag of a macro is gone here and new there', () => {
    const flag = '@f.__already_done = internal global i8 0, align 1\n';
    const record =
      '@__UNIQUE_ID_addressable_f1 = internal global ptr null, section ".discard.addressable", align 8\n';
    expect(judged(compared('a.c', flag + record, ''), compared('b.c', '', flag + record))).toEqual([]);
  });
});

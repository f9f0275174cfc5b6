import { describe, expect, it } from 'vitest';
import type { ModuleDiff } from '../../../../src/engine/diff/diff.js';
import { judge } from '../../../../src/engine/diff/refuse.js';
import { comparedIr } from '../../../helpers/unit.js';

/** What clang makes of two `net_get_random_once()` in one function (net/ipv6/inet6_hashtables.c), branches left out. */
const once = (flag: string, secret: string, n: number): string => `
${n}:
  callbr void asm sideeffect "1: jmp \${2:l}", "i,i,!i"(ptr @f.___once_key${flag}, i1 true) to label %${n + 1} [label %${n + 3}]

${n + 1}:                                                ; preds = %${n}
  %${n + 2} = call zeroext i1 @__do_once_start(ptr noundef nonnull @f.___done${flag}, ptr noundef %1) #8
  br i1 %${n + 2}, label %${n + 4}, label %${n + 3}

${n + 4}:
  call void @get_random_bytes(ptr noundef nonnull @${secret}, i64 noundef 4) #8
  call void @__do_once_done(ptr noundef nonnull @f.___done${flag}, ptr noundef nonnull @f.___once_key${flag}, ptr noundef %1, ptr noundef null) #8
  br label %${n + 3}
`;

const module = (result: number, ...places: string[]): string => `
@f.___done = internal global i8 0, section ".data..do_once", align 1
@f.___once_key = internal global { i32 } { i32 1 }, align 8
@f.___done.1 = internal global i8 0, section ".data..do_once", align 1
@f.___once_key.2 = internal global { i32 } { i32 1 }, align 8
@secret_a = internal global i32 0, align 4
@secret_b = internal global i32 0, align 4
@secret_c = internal global i32 0, align 4
declare zeroext i1 @__do_once_start(ptr, ptr)
declare void @__do_once_done(ptr, ptr, ptr, ptr)
declare void @get_random_bytes(ptr, i64)
define dso_local i32 @f(ptr %1) {
${places.join('')}
99:
  ret i32 ${result}
}
define dso_local void @keep() {
  store i32 0, ptr @secret_a
  store i32 1, ptr @secret_b
  store i32 2, ptr @secret_c
  ret void
}
attributes #8 = { nounwind }
`;

const second = (secret: string, n: number): string =>
  once('.1', secret, n).replaceAll('___once_key.1', '___once_key.2');

function compare(before: string, after: string): { diff: ModuleDiff; codes: string[] } {
  const compared = comparedIr(before, after);
  return { diff: compared.diff, codes: judge(compared, []).refusals.map((r) => r.code) };
}

describe('what a function does once', () => {
  const original = module(1, once('', 'secret_a', 2), second('secret_b', 20));

  it('keeps its flag when two in one function are told apart by what they do', () => {
    const { diff, codes } = compare(original, module(2, once('', 'secret_a', 2), second('secret_b', 20)));
    expect([...diff.changed]).toEqual(['f']);
    expect([...diff.ambiguous]).toEqual([]);
    expect(diff.originalOf.get('f.___done.1')).toBe('f.___done.1');
    expect(codes).toEqual([]);
  });

  it('keeps its flag when the two change places and so names', () => {
    const { diff, codes } = compare(original, module(2, once('', 'secret_b', 2), second('secret_a', 20)));
    expect(diff.originalOf.get('f.___done')).toBe('f.___done.1');
    expect(diff.originalOf.get('f.___once_key')).toBe('f.___once_key.2');
    expect(diff.originalOf.get('f.___once_key.2')).toBe('f.___once_key');
    expect(codes).toEqual([]);
  });

  it('is refused when one of two is something else now', () => {
    const after = module(1, once('', 'secret_a', 2), second('secret_c', 20));
    expect(compare(original, after).codes).toEqual(['init-function-changed']);
  });

  it('stays untold when two do the same', () => {
    const same = (n: number): string => module(n, once('', 'secret_a', 2), second('secret_a', 20));
    expect(compare(same(1), same(2)).diff.ambiguous.size).toBeGreaterThan(0);
  });

  it('is refused when it is something else now: the flag of the running kernel may be set', () => {
    const one = (secret: string): string =>
      module(1, once('', secret, 2)).replace(/^@f\.___(?:done\.1|once_key\.2) .*\n/gm, '');
    const { codes, diff } = compare(one('secret_a'), one('secret_c'));
    expect([...diff.changedOnce]).toEqual(['f']);
    expect(codes).toEqual(['init-function-changed']);
  });
});

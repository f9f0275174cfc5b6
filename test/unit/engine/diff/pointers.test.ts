import { describe, expect, it } from 'vitest';
import { judgePointers } from '../../../../src/engine/diff/pointers.js';
import { comparedIr } from '../../../helpers/unit.js';

function judged(before: string, after: string): string[] {
  const { refusals, notes } = judgePointers(comparedIr(before, after), []);
  return [...refusals, ...notes].map(({ code, message }) => `${code}: ${message}`);
}

const callback = (name: string, code = ''): string =>
  `define internal void @${name}(ptr %0) {\n${code}  ret void\n}\n`;
const calls = 'define dso_local void @f(ptr %0) {\n  call void @cb(ptr %0)\n  ret void\n}\n';
const gives = (name: string): string =>
  `define dso_local void @f(ptr %0) {\n  call void @later(ptr @${name}, ptr %0)\n  ret void\n}\n`;
const table = '@ops = internal constant { ptr } { ptr @cb }, align 8\n';

describe('a static function whose address the patch hands out', () => {
  it('is refused when the kernel only calls it', () => {
    expect(judged(callback('cb') + calls, callback('cb') + gives('cb'))).toEqual([
      'address-newly-taken: f takes the address of cb, which the kernel has as a function that is only called',
    ]);
  });

  it('is let be when code of the boot alone takes it, which does not run again', () => {
    const setup = (line: string): string =>
      `define internal i32 @setup() section ".init.text" {\n  ${line}\n  ret i32 0\n}\n`;
    const [before, after] = ['call void @cb(ptr null)', 'call void @later(ptr @cb, ptr null)'].map(setup);
    expect(judged(callback('cb') + calls + before, callback('cb') + calls + after)).toEqual([]);
  });

  it('may be one whose address the kernel has already, or a new one', () => {
    expect(judged(callback('cb') + calls + table, callback('cb') + gives('cb') + table)).toEqual([]);
    expect(judged(calls, callback('cb') + gives('cb'))).toEqual([]);
  });
});

describe('a static function that the patch takes away', () => {
  it('is told of when its address was given away', () => {
    expect(judged(callback('old') + gives('old'), callback('new') + gives('new'))).toEqual([
      expect.stringMatching(
        /^function-still-pointed-to: old is gone with the patch, and f gave its address away/,
      ),
    ]);
  });

  it('is told of too when code of the boot gave it away', () => {
    const setup = (name: string): string =>
      `define internal i32 @setup() section ".init.text" {\n  call void @later(ptr @${name}, ptr null)\n  ret i32 0\n}\n`;
    expect(judged(callback('old') + setup('old'), callback('new') + setup('new'))).toEqual([
      expect.stringMatching(/^function-still-pointed-to: .* setup gave its address away/),
    ]);
  });

  it('may go when it was only called', () => {
    expect(judged(callback('cb') + calls, 'define dso_local void @f(ptr %0) {\n  ret void\n}\n')).toEqual([]);
  });
});

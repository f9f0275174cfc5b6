import { describe, expect, it } from 'vitest';
import { judge, type Verdict } from '../../../../src/engine/diff/refuse.js';
import type { TranslationUnit } from '../../../../src/engine/types.js';
import { comparedIr, unitOf } from '../../../helpers/unit.js';

const ofModule: TranslationUnit = { ...unitOf(), objname: 'm', module: 'drivers/m.ko' };

/** What is said of a patch after which `setup` does something else, besides what `more` says of it. */
function verdict(more: string, unit = unitOf(), attributes = 'internal i32 @setup()'): Verdict {
  const ir = (n: number): string => `${more}\ndefine ${attributes} {\n  ret i32 ${n}\n}\n`;
  return judge(comparedIr(ir(0), ir(1), unit), []);
}

const caller = (name: string, what: string, section = ''): string =>
  `define internal i32 @${name}()${section} {\n  ${what}\n  ret i32 0\n}\n`;
const calls = (name: string, section = '', callee = 'setup'): string =>
  caller(name, `%1 = call i32 @${callee}()`, section);
const init = ' section ".init.text"';
const addressable =
  '@__UNIQUE_ID___addressable_setup1 = internal global ptr @setup, section ".discard.addressable", align 8\n';
const initcall = `${addressable}module asm ".section\\09\\22.initcall4.init\\22, \\22a\\22\\09"
module asm "__initcall__kmod_x__1_2_setup4:\\09"
module asm ".long\\09setup - .\\09"
module asm ".previous\\09"
`;
const used = (text: string): string => `@keep = internal global ptr @${text}, align 8\n`;

describe('a changed function that is not __init', () => {
  it.each([
    ['an initcall', initcall, /^setup is an initcall, and nothing else calls it/],
    [
      'an initcall by a pointer',
      '@__initcall_setup4 = internal global ptr @setup, section ".initcall4.init", align 8\n',
      /^setup is an initcall/,
    ],
    [
      'an exit function of what is built in',
      '@__exitcall_setup = internal global ptr @setup, section ".exitcall.exit", align 8\n',
      /^setup is an exit function of what is built in/,
    ],
    [
      'called by __init code',
      calls('first', init),
      /^setup is called by first, which has run, and nothing else/,
    ],
    ['an initcall that calls itself', initcall + calls('second', init), /^setup is an initcall/],
    [
      'called by one that __init code calls, twice',
      calls('a') + calls('b') + calls('c', '', 'a') + calls('d', init, 'c') + calls('e', init, 'b'),
      /^setup is called by a/,
    ],
  ])('is refused as %s', (_, more, message) => {
    const { refusals } = verdict(more);
    expect(refusals.map((r) => r.code)).toEqual(['init-function-changed']);
    expect(refusals[0]?.message).toMatch(message);
    expect(refusals[0]?.detail).toMatchObject({ file: 'x.c', function: 'setup' });
  });

  it.each([
    ['a function', calls('later'), 'later'],
    ['a function that another calls', calls('f', '', 'g') + calls('g') + used('f'), 'g'],
    ['a pointer', used('setup'), 'who finds it in keep'],
    [
      'who got its address when the kernel booted',
      caller('f', 'call void @use(ptr @setup)', init) + 'declare void @use(ptr)\n',
      'who has its address from f',
    ],
    ['assembly', caller('f', 'call void asm sideeffect "\\09call\\09setup", ""()'), 'assembly in f'],
    ['assembly of the file', 'module asm "\\09call\\09setup"\n', 'assembly of the file'],
    ['another name', '@other = dso_local alias i32 (), ptr @setup\n', 'other'],
  ])('is kept, with a warning, as an initcall that is called by %s too', (_, more, who) => {
    const { refusals, notes } = verdict(initcall + more);
    expect(refusals).toEqual([]);
    expect(notes).toMatchObject([{ code: 'init-function-changed', severity: 'warning', function: 'setup' }]);
    expect(notes[0]?.message).toBe(`setup is an initcall, which has run: its new code is for ${who} alone`);
    expect(verdict(calls('first', init) + more)).toEqual({ refusals: [], notes: [] });
  });

  it('is kept with a warning when other files may call it', () => {
    const { refusals, notes } = verdict(initcall, unitOf(), 'dso_local i32 @setup()');
    expect(refusals).toEqual([]);
    expect(notes[0]?.message).toMatch(/code of other files alone$/);
  });

  it('is kept without a word when no one is seen to call it', () => {
    expect(verdict('')).toEqual({ refusals: [], notes: [] });
    expect(verdict(addressable)).toEqual({ refusals: [], notes: [] });
  });

  it('is refused as the init function of a module, for that may be loaded', () => {
    const alias = '@init_module = dso_local alias i32 (), ptr @setup\n';
    const message =
      'is the init function of its module, and nothing else calls it: its new code would not run where the module is loaded';
    expect(verdict(alias, ofModule).refusals.map((r) => r.message)).toEqual([`setup ${message}`]);
    const merged = verdict('', ofModule, 'dso_local i32 @init_module()');
    expect(merged.refusals.map((r) => r.message)).toEqual([`init_module ${message}`]);
    expect(verdict(alias + calls('later'), ofModule).notes).toHaveLength(1);
  });

  it('is kept in a module that may be loaded later, or unloaded', () => {
    expect(verdict(calls('first', init), ofModule)).toEqual({ refusals: [], notes: [] });
    const exit = '@cleanup_module = dso_local alias i32 (), ptr @setup\n';
    expect(verdict(exit, ofModule)).toEqual({ refusals: [], notes: [] });
  });
});

describe('a changed function of a section that goes', () => {
  it.each([
    ['.init.text', unitOf(), /it has run, and its memory is free$/],
    ['.init.text', ofModule, /it has run where the module is loaded, and its memory is free$/],
    ['.exit.text', unitOf(), /it is built in, and never runs$/],
    ['.exit.text', ofModule, /ftrace cannot redirect it, and its old code runs when the module is unloaded$/],
  ])('%s is refused with what is true of it', (section, unit, message) => {
    const { refusals } = verdict('', unit, `internal i32 @setup() section "${section}"`);
    expect(refusals.map((r) => r.code)).toEqual(['init-function-changed']);
    expect(refusals[0]?.message).toMatch(message);
    // A callback of the livepatch is no way to change what a module does when it goes.
    expect(/callback/.test(refusals[0]?.advice ?? '')).toBe(section === '.init.text');
  });
});

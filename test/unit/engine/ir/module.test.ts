import { describe, expect, it } from 'vitest';
import { parseModule, type IrVariable } from '../../../../src/engine/ir/module.js';
import {
  globalsIn,
  isNamedInString,
  mapGlobals,
  quoteName,
  typeEnd,
} from '../../../../src/engine/ir/text.js';

const text = `; ModuleID = 'x.bc'
source_filename = "x.c"
target triple = "x86_64-unknown-linux-gnu"

module asm ".globl \\22a\\22"

%struct.s = type { i32, ptr }

@.str = private unnamed_addr constant [14 x i8] c"@g = global; ,\\00", align 1
@table = internal constant [2 x %struct.s] [%struct.s { i32 1, ptr @.str }, %struct.s { i32 2, ptr @f }], section "x,y", align 16
@"odd name" = external dso_local global <{ i8, [3 x i8] }>, align 4
@x86_fn = dso_local alias i32 (i32), ptr @f
@weak = extern_weak dso_local global i32

; Function Attrs: nounwind
define internal fastcc noundef i32 @f(i32 noundef %0) unnamed_addr #0 section ".text.hot" align 16 {
  ret i32 %0
}

declare dso_local void @g(ptr) local_unnamed_addr #1

attributes #0 = { nounwind "a"="}" }
attributes #1 = { "b" }

!llvm.module.flags = !{!0}
!0 = !{i32 1, !"wchar_size", i32 2}
`;

describe('parseModule', () => {
  const module = parseModule(text, 'x.ll');

  it('takes variables apart at their type, initialiser and attributes', () => {
    const table = module.globals.get('table') as IrVariable;
    expect(table).toMatchObject({
      kind: 'variable',
      local: true,
      constant: true,
      type: '[2 x %struct.s]',
      initialiser: '[%struct.s { i32 1, ptr @.str }, %struct.s { i32 2, ptr @f }]',
      section: 'x,y',
    });
    expect(module.globals.get('.str')).toMatchObject({
      initialiser: 'c"@g = global; ,\\00"',
      after: ', align 1',
    });
  });

  it('knows declarations, quoted names, aliases and weak references', () => {
    expect(module.globals.get('odd name')).toMatchObject({ declared: true, type: '<{ i8, [3 x i8] }>' });
    expect(module.globals.get('weak')).toMatchObject({ declared: true, linkage: 'extern_weak' });
    expect(module.globals.get('x86_fn')).toMatchObject({ kind: 'alias', type: 'i32 (i32)', target: 'f' });
    expect(module.globals.get('f')).toMatchObject({ local: true, declared: false, section: '.text.hot' });
    expect(module.globals.get('g')).toMatchObject({ local: false, declared: true });
  });

  it('keeps file-level assembly, attributes and metadata', () => {
    expect(module.asm).toEqual(['".globl \\22a\\22"']);
    expect(module.attributes.get('#0')).toBe('nounwind "a"="}"');
    expect(module.named.get('!llvm.module.flags')).toBe('!{!0}');
  });

  it('refuses a line that it does not know instead of skipping it', () => {
    expect(() => parseModule('strange thing\n', 'y.ll')).toThrow(/y\.ll:1/);
  });
});

describe('names in IR text', () => {
  it('are found outside strings and comments only', () => {
    expect(globalsIn('call void @a(ptr @"b c", ptr c"@no") ; @no')).toEqual(['a', 'b c']);
  });

  it('are quoted when they have to be', () => {
    expect(quoteName('a.b$c-d')).toBe('a.b$c-d');
    expect(quoteName('x,0')).toBe('"x,0"');
    expect(mapGlobals('store ptr @a, ptr @b', (n) => `${n},1`)).toBe('store ptr @"a,1", ptr @"b,1"');
  });
});

describe('typeEnd', () => {
  it.each([
    ['ptr null', 'ptr'],
    ['[2 x { i32, [3 x i8] }] zeroinitializer', '[2 x { i32, [3 x i8] }]'],
    ['%struct.a zeroinitializer', '%struct.a'],
    ['i32 (i8*, ...)* @f', 'i32 (i8*, ...)*'],
    ['ptr addrspace(256) null', 'ptr addrspace(256)'],
    ['<{ i8 }> <{ i8 1 }>', '<{ i8 }>'],
  ])('finds the end of the type in %s', (input, type) => {
    expect(input.slice(0, typeEnd(input, 0))).toBe(type);
  });
});

describe('a name in assembly', () => {
  it.each([
    ['"call f"', true],
    ['"\\09.long\\09f - .\\09"', true],
    ['asm sideeffect "1:\\0Af\\0A", ""()', true],
    ['"call f2, .f, f$"', false],
    ['call void @f()', false],
  ])('is found in %s: %s', (text, found) => {
    expect(isNamedInString(text, 'f')).toBe(found);
  });
});

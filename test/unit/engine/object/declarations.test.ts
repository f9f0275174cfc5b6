import { describe, expect, it } from 'vitest';
import { sameButUnused } from '../../../../src/engine/object/declarations.js';

const above = `struct page { int flags; struct page *next; };
extern int limit;
static inline __attribute__((__gnu_inline__)) __attribute__((__unused__)) int first(struct page *p)
{
 return p->flags;
}
`;
const below = `int use(struct page *p);
int use(struct page *p) { static const char text[] = "}{;"; return first(p) + text[0] + '{'; }
`;
const between = (declaration: string): string => `${above}${declaration}\n${below}`;

/** Does the text make no difference where one version has it, and where the two versions differ in it? */
const unused = (...versions: [string, ...string[]]): boolean[] => {
  const texts = ['', ...versions].map(between);
  return texts.flatMap((a, i) => texts.slice(i + 1).map((b) => sameButUnused(a, b) && sameButUnused(b, a)));
};

describe('a declaration that a unit does not use', () => {
  it.each([
    [
      'a prototype',
      'int fresh(struct page *p, int (*f)(int));',
      'long fresh(void) __attribute__((__cold__));',
    ],
    [
      'an inline function',
      'static inline int fresh(int x) { return x ? ({ 1; }) : 2; }',
      'static inline int fresh(void)\n{\n if (1) { return 3; }\n return 4;\n}',
    ],
    [
      'one with attributes, as the kernel writes them',
      'static inline __attribute__((__gnu_inline__)) __attribute__((__unused__)) __attribute__((no_instrument_function)) void fresh(struct page *p) { static int once; asm("nop"); p->flags = once; }',
    ],
    ['a variable of another object', 'extern int fresh;', 'extern struct page *fresh[4];'],
    ['a structure', 'struct fresh;', 'struct fresh { struct page *p; union { int a; long b; }; };'],
    [
      'two that use each other',
      'struct fresh { int x; };\nstatic inline int other(struct fresh *f) { return f->x; }',
    ],
  ] as [string, string, ...string[]][])('makes no difference: %s', (_, ...texts) => {
    expect(unused(...texts)).not.toContain(false);
  });

  it('may be used by functions that are not used themselves', () => {
    const chain = (n: number, user: string): string =>
      `static inline int a(void) { return ${n}; }\nstatic inline int b(void) { return a(); }\n${between(user)}`;
    expect(sameButUnused(chain(1, ''), chain(2, ''))).toBe(true);
    expect(
      sameButUnused(
        chain(1, 'static inline int c(void) { return b(); }'),
        chain(2, 'static inline int c(void) { return b(); }'),
      ),
    ).toBe(true);
    for (const user of ['int c(void) { return b(); }', 'int (*p)(void) = b;', 'int x[sizeof(b())];']) {
      expect(sameButUnused(chain(1, user), chain(2, user))).toBe(false);
    }
  });

  it('is found where several differ, each at its place', () => {
    const text = (n: number): string =>
      `${above}int one(void);\nstatic inline int two(void) { return ${n}; }\n${between(`int three(int x${n});`)}`;
    expect(sameButUnused(text(1), text(2))).toBe(true);
    expect(sameButUnused(text(1), text(1))).toBe(true);
  });
});

describe('a difference that may be code', () => {
  it.each([
    ['a function that is used', `${above.replace('p->flags;', 'p->flags + 1;')}${below}`],
    ['a prototype of what is used', between('int first(struct page *p) __attribute__((__pure__));')],
    ['another signature of what is used', between('').replaceAll('int use(', 'long use(')],
    ['a function for other objects', between('int fresh(void) { return 1; }')],
    ['a function that is kept', between('static int __attribute__((__used__)) fresh(void) { return 1; }')],
    [
      'a function in a section of its own',
      between('static int __attribute__((__section__(".x"))) fresh(void) { return 1; }'),
    ],
    ['one that is run at the start', between('static void __attribute__((constructor)) fresh(void) { }')],
    ['data', between('static int fresh;')],
    ['data of a new structure', between('struct fresh { int x; } value;')],
    ['data with a value', between('int fresh[] = { 1 };')],
    ['assembly', between('asm(".globl fresh");')],
    ['a type', between('typedef int fresh;')],
    ['enumerators', between('enum fresh { A, B };')],
    ['a structure that is used', between('').replace('int flags;', 'int flags; int more;')],
    ['a structure that has another within', between('struct fresh { struct inner { int x; } i; };')],
    ['a pragma', between('#pragma pack(1)\nint fresh(void);')],
    ['a pragma in a function', between('static inline int fresh(void) {\n#pragma pack(1)\n return 1; }')],
    ['an alias', between('int fresh(void) __attribute__((alias("use")));')],
    ['an expression', between('_Static_assert(1, "x");')],
    [
      'a function that takes the name of what is there',
      between('static inline int use(struct page *p) { return 2; }'),
    ],
    ['the order of two functions', `int a(void) { return 1; }\n${between('')}`],
    ['a text in code', between('').replace('"}{;"', '"}{,"')],
  ])('is one: %s', (_, text) => {
    expect(sameButUnused(between(''), text)).toBe(false);
    expect(sameButUnused(text, between(''))).toBe(false);
  });

  it('is one where a prototype is the first to name a structure', () => {
    const later = `int g(struct later *p);\n${between('')}`;
    expect(sameButUnused(later, `struct later *fresh(void);\n${later}`)).toBe(false);
  });

  it('is one where unused functions change places with what is used', () => {
    const [a, b] = ['int x(void) { return 1; }', 'int y(void) { return 2; }'];
    expect(sameButUnused(between(`${a}\n${b}`), between(`${b}\nint fresh(void);\n${a}`))).toBe(false);
  });
});

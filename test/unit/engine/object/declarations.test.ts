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
      'functions whose bodies check at compile time',
      'static inline void fresh(int x) { do { extern void __compiletime_assert_1(void) __attribute__((__error__("x; {"))); if (!(x)) __compiletime_assert_1(); } while (0); }',
      'static inline void fresh(int x) { switch (x) { case 1: x++; __attribute__((__fallthrough__)); default: asm volatile("nop" ::: "memory"); } }',
    ],
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

  it.each([
    ...['noreturn', 'weak', 'visibility("hidden")'].map((attribute) => [
      `${attribute} of a function that a body declares`,
      'static inline void fresh(void) { extern int foo(void); foo(); }',
      `static inline void fresh(void) { extern int foo(void) __attribute__((${attribute})); foo(); }`,
      'int foo(void);\nint other(void) { return foo(); }',
    ]),
    [
      'the same without `extern`',
      'static inline void fresh(void) { int foo(void); foo(); }',
      'static inline void fresh(void) { int foo(void) __attribute__((noreturn)); foo(); }',
      'int foo(void);\nint other(void) { return foo(); }',
    ],
    [
      'the name in assembly of one',
      'static inline void fresh(void) { int foo(void); foo(); }',
      'static inline void fresh(void) { int foo(void) __asm__("bar"); foo(); }',
      'int foo(void);\nint other(void) { return foo(); }',
    ],
    [
      'an attribute of a variable that a body declares',
      'static inline int fresh(void) { extern int var; return var; }',
      'static inline int fresh(void) { extern int var __attribute__((weak)); return var; }',
      'extern int var;\nint *other(void) { return &var; }',
    ],
    [
      'a structure within a packed one',
      'struct __attribute__((__packed__)) fresh { struct inner { int x; } i; };',
      'struct __attribute__((__packed__)) fresh { struct inner { int x; int y; } i; };',
      'int other(void) { return sizeof(struct inner); }',
    ],
    [
      'a packed structure within one, whose name something else has as well',
      'int k(int inner);\nstruct fresh { struct __attribute__((__packed__)) inner { int x; } i; };',
      'int k(int inner);\nstruct fresh { struct __attribute__((__packed__)) inner { int x; int y; } i; };',
      'int other(void) { return sizeof(struct inner); }',
    ],
    [
      'what a compiler calls by another name',
      'static inline unsigned long strlen(const char *p) { return 1; }',
      'static inline unsigned long strlen(const char *p) { return 2; }',
      'unsigned long other(const char *p) { return __builtin_strlen(p); }',
    ],
    ['a variable in parentheses', 'struct fresh;', 'const struct fresh (v);', ''],
    ['a compound literal', 'int x = (int){1} * sizeof(char[2]);', 'int x = (int){1} * sizeof(char[3]);', ''],
    [
      'a raw string',
      'const char *x = R"(")"; int y(void) { return 1; }',
      'const char *x = R"(")"; int y(void) { return 2; }',
      '',
    ],
  ])('is one: %s', (_, before, after, user) => {
    const [a = '', b = ''] = [before, after].map((text) => `${text}\n${user}\n`);
    expect(sameButUnused(a, b)).toBe(false);
    expect(sameButUnused(between(a), between(b))).toBe(false);
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

import { describe, expect, it } from 'vitest';
import { emptyResult, type Finding, type Reach, type ResultDocument } from '../../../src/shared/result.js';
import { attempt, patchOf, reasonOf, type Attempted, type ItemPatch } from '../../../src/survey/attempt.js';
import { companionsIn } from '../../../src/survey/companions.js';
import { readItems } from '../../../src/survey/input.js';
import type { SurveyItem } from '../../../src/survey/types.js';

/** A change of one file that takes a line away and adds one. */
const change = (path: string, added: string, removed = 'old'): { name: string; text: string } => ({
  name: path,
  text: `--- a/${path}\n+++ b/${path}\n@@ -1,2 +1,2 @@\n context\n-${removed}\n+${added}\n`,
});

const failing = (
  finding: Partial<Finding> & { code: string },
  status: ResultDocument['status'] = 'error',
) => ({
  ...emptyResult(status),
  findings: [{ severity: 'error' as const, message: 'it does not go', ...finding }],
});
const rejected = (file: string, error: string): ResultDocument =>
  failing({ code: 'does-not-compile', file, output: `${file}:3:9: error: ${error}` });
const undeclared = (name: string, file: string): ResultDocument =>
  rejected(file, `use of undeclared identifier '${name}'`);

interface World {
  changes: { name: string; text: string }[];
  /** The engine: what it says of the names of the patches that it is given. */
  engine: (names: string[]) => ResultDocument;
  ordered?: boolean;
  /** Items of which it is known what they come to alone. */
  known?: string[];
  reach?: Partial<Reach>[];
}

/** Surveys one item with an engine that is told what to say. */
async function survey(name: string, world: World): Promise<Attempted & { asked: string[][] }> {
  const input = readItems('test', world.changes, world.ordered ?? false, []);
  const item = input.items.find((one) => one.name === name);
  if (item === undefined) throw new Error(`no item ${name}`);
  const reach = new Map<string, Reach>(
    (world.reach ?? []).map((one) => [one.path ?? '', { path: '', objects: 1, readers: [], ...one }]),
  );
  const asked: string[][] = [];
  const nameOf = (patch: { name: string }): string =>
    input.items.find(({ id }) => `${id}.patch` === patch.name)?.name ?? '?';
  const generate = async (patches: readonly ItemPatch[]): Promise<ResultDocument> => {
    asked.push(patches.map(nameOf));
    return world.engine(patches.map(nameOf));
  };
  const by = { reach: (path: string) => reach.get(path) };
  const alone = (one: SurveyItem): Promise<ResultDocument> => generate(patchOf(one, by));
  const attempted = await attempt(item, {
    ...by,
    companions: companionsIn(input, (path) => reach.get(path)?.readers),
    inOrder: (some) => input.items.filter((one) => some.includes(one)),
    generate,
    alone,
    wrongAlone: async (one) =>
      (world.known ?? []).includes(one.name) ? reasonOf(world.engine([one.name])) : undefined,
  });
  return { ...attempted, asked };
}

const livepatch = emptyResult('livepatch');

describe('an item of a survey', () => {
  it('that makes a livepatch alone is tried once', async () => {
    const { entry, asked, alone } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'x'), change('fs/a.h', 'x')],
      engine: () => livepatch,
    });
    expect(entry).toMatchObject({ outcome: 'livepatch', with: [], attempts: [] });
    expect(asked).toEqual([['fs/a.c']]);
    expect(alone).toBe(true);
  });

  it('that lacks a name is tried again with the header that brings it, and no other', async () => {
    const { entry, asked, alone } = await survey('fs/a.c', {
      changes: [
        change('fs/a.c', 'f(NEW);'),
        change('fs/a.h', '#define NEW 1'),
        change('fs/b.h', '#define NEWER 1'),
      ],
      engine: (names) => (names.includes('fs/a.h') ? livepatch : undeclared('NEW', 'fs/a.c')),
    });
    expect(asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
    expect(entry).toMatchObject({
      outcome: 'livepatch',
      with: ['fs/a.h'],
      attempts: [{ with: [], code: 'does-not-compile' }],
    });
    expect(alone).toBe(false);
  });

  it('that needs what is refused for itself is refused for it, and not tried with it', async () => {
    const changes = [change('fs/a.c', 'f(NEW);'), change('fs/a.h', '#define NEW 1')];
    const refuse = (code: string): World['engine'] => {
      const refusal = failing({ code, file: 'fs/a.h', line: 7, message: 'struct a changes' }, 'refused');
      return (names) => (names.includes('fs/a.h') ? refusal : undeclared('NEW', 'fs/a.c'));
    };
    const known = ['fs/a.h'];
    const { entry, asked, alone } = await survey('fs/a.c', {
      ...{ changes, known, engine: refuse('struct-layout-changed') },
    });
    expect(asked).toEqual([['fs/a.c']]);
    expect(alone).toBe(false);
    expect(entry).toMatchObject({
      ...{ outcome: 'refused', code: 'struct-layout-changed', file: 'fs/a.h', line: 7, with: ['fs/a.h'] },
      message: 'with fs/a.h: struct a changes',
    });
    // A caller that goes with it may be what the other lacks.
    const curable = await survey('fs/a.c', { changes, known, engine: refuse('signature-changed') });
    expect(curable.asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
  });

  it.each([
    ['a function', "no previous prototype for function 'ours' [-Werror,-Wmissing-prototypes]"],
    [
      'a variable',
      "no previous extern declaration for non-static variable 'ours' [-Werror,-Wmissing-variable-declarations]",
    ],
    ['an argument of a type', "declaration of 'enum ours' will not be visible outside of this function"],
  ])('that has %s without a declaration is tried again with the header that has it', async (_, error) => {
    const { asked } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'int ours;'), change('fs/a.h', 'extern int ours;')],
      engine: (names) => (names.includes('fs/a.h') ? livepatch : rejected('fs/a.c', error)),
    });
    expect(asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
  });

  it.each([
    [
      'a macro that is not there',
      'type name requires a specifier or qualifier',
      'OVERLAP(struct rest, end);',
    ],
    [
      'a field that was another',
      "invalid application of 'sizeof' to bit-field",
      'x = READ_ONCE(host->OVERLAP);',
    ],
    [
      'another parameter of what a pointer leads to',
      'too many arguments to function call',
      'ops->OVERLAP(a,\n      |   ~~~\n    4 |   b);',
    ],
  ])('with %s is tried again with the header that has it', async (_, error, line) => {
    const file = 'fs/a.c';
    const output = `${file}:3:9: error: ${error}\n    3 |   ${line}\n      |   ^\n./fs/b.h:9:2: note: expanded from macro 'b'\n    9 |   other\n`;
    const { asked } = await survey(file, {
      changes: [
        change(file, 'f();'),
        change('fs/a.h', '#define OVERLAP(t, m) t m'),
        change('fs/b.h', 'int other;'),
      ],
      engine: (names) =>
        names.includes('fs/a.h') ? livepatch : failing({ code: 'does-not-compile', file, output }),
    });
    expect(asked).toEqual([[file], [file, 'fs/a.h']]);
  });

  it('is tried again with the header of what an error is about where nothing brings the name that the error gives', async () => {
    const file = 'fs/a.c';
    const output = [
      `${file}:3:9: error: type name requires a specifier or qualifier`,
      '    3 |   OVERLAP(struct rest, end);',
      `${file}:9:9: error: no member named 'rest' in 'struct a'`,
    ].join('\n');
    const { asked } = await survey(file, {
      changes: [
        change(file, 'f();'),
        change('fs/a.h', '#define OVERLAP(t, m) t m'),
        change('fs/other.c', 'OVERLAP(struct b, c);'),
      ],
      engine: (names) =>
        names.includes('fs/a.h') ? livepatch : failing({ code: 'does-not-compile', file, output }),
    });
    expect(asked).toEqual([[file], [file, 'fs/a.h']]);
  });

  it('is tried again with the headers that bring most of what is missing, where many have a word of it', async () => {
    const file = 'net/filter/a.c';
    const output = [
      `${file}:3:9: error: call to undeclared function 'is_expired'`,
      `${file}:9:9: error: assigning to 'struct timer' from incompatible type 'int'`,
    ].join('\n');
    const many = Array.from({ length: 12 }, (_, i) => change(`arch/x86/b${i}.h`, 'struct timer t;'));
    const { asked } = await survey(file, {
      changes: [change(file, 'f();'), ...many, change('include/net/filter/a.h', 'bool is_expired(void);')],
      engine: (names) =>
        names.includes('include/net/filter/a.h')
          ? livepatch
          : failing({ code: 'does-not-compile', file, output }),
    });
    expect(asked[1]).toContain('include/net/filter/a.h');
    const near = await survey(file, {
      changes: [change(file, 'f();'), ...many, change('include/net/filter/a.h', 'struct timer u;')],
      engine: (names) =>
        names.includes('include/net/filter/a.h')
          ? livepatch
          : rejected(file, "assigning to 'struct timer' from incompatible type 'int'"),
    });
    expect(near.asked[1]).toContain('include/net/filter/a.h');
  });

  it('is tried again with the change of another file that no longer compiles, whatever headers have words of it', async () => {
    const error = "assigning to 'struct dentry *' from 'int' [-Wint-conversion]";
    const { asked } = await survey('net/a.c', {
      changes: [
        ...Array.from({ length: 12 }, (_, i) => change(`arch/x86/b${i}.h`, 'struct dentry *d;')),
        change('fs/user.c', 'b = f();'),
        change('include/net/a.h', 'int f(void);'),
        change('include/other.h', 'struct dentry *d;'),
        change('net/a.c', 'int f(void);'),
      ],
      engine: (names) => {
        if (!names.includes('include/net/a.h')) return undeclared('f', 'net/a.c');
        return names.includes('fs/user.c') ? livepatch : rejected('fs/user.c', error);
      },
    });
    expect(asked.at(-1)).toContain('fs/user.c');
    expect(asked).toHaveLength(3);
  });

  it('is not tried with a new header that nothing includes which it reads', async () => {
    const added = (path: string): { name: string; text: string } => ({
      name: path,
      text: `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+int NEW;\n`,
    });
    const from = (line: string): World => ({
      changes: [
        change('fs/a.c', line),
        change('fs/a.h', 'int NEW;'),
        added('fs/new.h'),
        added('net/other.h'),
      ],
      engine: (names) => (names.includes('fs/a.h') ? livepatch : undeclared('NEW', 'fs/a.c')),
    });
    expect((await survey('fs/a.c', from('f(NEW);'))).asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
    expect((await survey('fs/a.c', from('#include "new.h"'))).asked).toEqual([
      ['fs/a.c'],
      ['fs/a.c', 'fs/a.h', 'fs/new.h'],
    ]);
  });

  it('that uses something otherwise is tried again with the header that declares it, whatever its changed lines name', async () => {
    const file = 'fs/a.c';
    const output = [
      `${file}:3:9: error: too many arguments to function call, expected 1, have 2`,
      "./fs/a.h:7:5: note: 'f' declared here",
    ].join('\n');
    const { asked } = await survey(file, {
      changes: [change(file, 'f(1, 2);'), change('fs/a.h', 'int more);'), change('fs/other.c', 'f(3, 4);')],
      engine: (names) =>
        names.includes('fs/a.h') ? livepatch : failing({ code: 'does-not-compile', file, output }),
    });
    expect(asked).toEqual([[file], [file, 'fs/a.h']]);
  });

  it('that takes a function away is tried again with the header that no longer declares it', async () => {
    const removed = { code: 'function-removed', function: 'gone', message: 'the patch takes gone away' };
    const { asked } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'x', 'int gone(void);'), change('fs/a.h', 'y', 'int gone(void);')],
      engine: (names) => (names.includes('fs/a.h') ? livepatch : failing(removed, 'refused')),
    });
    expect(asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
  });

  it('that needs what is refused alone is tried with it where another item may repair that', async () => {
    const { entry, asked } = await survey('fs/a.c', {
      changes: [
        change('fs/b.h', 'enum { NEW, OLD };'),
        change('fs/c.h', 'enum { OLD, NEW };'),
        change('fs/a.c', 'f(NEW);'),
      ],
      known: ['fs/b.h'],
      engine: (names) => {
        if (names.includes('fs/b.h') && names.includes('fs/c.h')) return livepatch;
        return names.includes('fs/b.h')
          ? failing({ code: 'enumerators-renumbered' }, 'refused')
          : undeclared('NEW', 'fs/a.c');
      },
    });
    expect(asked).toEqual([['fs/a.c'], ['fs/b.h', 'fs/c.h', 'fs/a.c']]);
    expect(entry.outcome).toBe('livepatch');
  });

  it('that several headers could help is tried with those that nothing is wrong with', async () => {
    const { entry, asked } = await survey('fs/a.c', {
      changes: [
        change('fs/a.c', 'f(NEW);'),
        change('fs/a.h', '#define NEW 1'),
        change('fs/wide.h', 'int other(int NEW);'),
      ],
      known: ['fs/wide.h'],
      engine: (names) => {
        if (names.includes('fs/wide.h')) return failing({ code: 'item-timeout', message: 'no result' });
        return names.includes('fs/a.h') ? livepatch : undeclared('NEW', 'fs/a.c');
      },
    });
    expect(asked).toEqual([['fs/a.c'], ['fs/a.c', 'fs/a.h']]);
    expect(entry).toMatchObject({ outcome: 'livepatch', with: ['fs/a.h'] });
  });

  it('that lacks a guard is tried again with the header that defines it', async () => {
    const { entry } = await survey('fs/a.c', {
      changes: [
        change('fs/a.c', 'guard(big)();'),
        change('fs/a.h', 'DEFINE_LOCK_GUARD_0(big, big_lock(), big_unlock());'),
      ],
      engine: (names) =>
        names.includes('fs/a.h')
          ? livepatch
          : failing({
              code: 'does-not-compile',
              file: 'fs/a.c',
              output: "fs/a.c:3:2: error: unknown type name 'class_big_t'; did you mean 'class_pig_t'?",
            }),
    });
    expect(entry).toMatchObject({ outcome: 'livepatch', with: ['fs/a.h'] });
  });

  it('prefers a header that it reads to one that it does not', async () => {
    const { asked } = await survey('fs/a.c', {
      changes: [
        change('fs/a.c', 'NEW'),
        change('net/n.h', '#define NEW 1'),
        change('fs/a.h', '#define NEW 2'),
      ],
      reach: [
        { path: 'net/n.h', objects: 3, readers: ['net/n.c'] },
        { path: 'fs/a.h', objects: 3, readers: ['fs/a.c'] },
      ],
      engine: (names) => (names.includes('fs/a.h') ? livepatch : undeclared('NEW', 'fs/a.c')),
    });
    expect(asked.at(-1)).toEqual(['fs/a.c', 'fs/a.h']);
  });

  it('takes the other file along that no longer compiles with the header', async () => {
    const { entry } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'f(1, 2)'), change('fs/a.h', 'int f(int, int);'), change('fs/b.c', 'g()')],
      engine: (names) =>
        names.includes('fs/b.c')
          ? livepatch
          : names.includes('fs/a.h')
            ? failing({ code: 'does-not-compile', file: 'fs/b.c', output: '' })
            : failing({
                code: 'does-not-compile',
                file: 'fs/a.c',
                output:
                  "fs/a.c:3:9: error: too many arguments to function call, expected 1, have 2\ninclude/fs/a.h:7:5: note: 'f' declared here",
              }),
    });
    expect(entry).toMatchObject({ outcome: 'livepatch', with: ['fs/a.h', 'fs/b.c'] });
  });

  it('takes the file along that defines a symbol that the kernel lacks', async () => {
    const { entry } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'helper();'), change('fs/lib.c', 'void helper(void)')],
      engine: (names) =>
        names.includes('fs/lib.c')
          ? livepatch
          : failing(
              {
                code: 'symbol-not-in-kernel',
                message: 'fs/a.o needs helper, which this kernel does not have',
              },
              'refused',
            ),
    });
    expect(entry).toMatchObject({ outcome: 'livepatch', with: ['fs/lib.c'] });
  });

  it('that nothing helps keeps its reason and says with what it was tried', async () => {
    const { entry, asked } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'NEW'), change('fs/a.h', '#define NEW OTHER')],
      engine: (names) => undeclared(names.length > 1 ? 'OTHER_STILL' : 'NEW', 'fs/a.c'),
    });
    expect(asked).toHaveLength(2);
    expect(entry).toMatchObject({ outcome: 'unusable', code: 'does-not-compile', with: ['fs/a.h'] });
  });

  it('has its end, however many names each attempt lacks', async () => {
    const changes = [change('fs/a.c', 'N0')];
    for (let i = 0; i < 50; i++) changes.push(change(`fs/h${i}.h`, `#define N${i} N${i + 1}`));
    const { asked } = await survey('fs/a.c', {
      changes,
      engine: (names) => undeclared(`N${names.length - 1}`, 'fs/a.c'),
    });
    expect(asked.length).toBeLessThan(10);
  });

  it('that is refused is not tried again', async () => {
    const { entry, asked } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'int x = 2;'), change('fs/a.h', 'x')],
      engine: () => failing({ code: 'data-changed', file: 'fs/a.c', line: 3 }, 'refused'),
    });
    expect(asked).toHaveLength(1);
    expect(entry).toMatchObject({ outcome: 'refused', code: 'data-changed', file: 'fs/a.c', line: 3 });
  });

  it('of a branch needs only what came before it', async () => {
    const changes = [
      { ...change('fs/a.c', 'one'), name: 'first' },
      { ...change('fs/a.c', 'two', 'one'), name: 'second' },
      { ...change('fs/a.c', 'three', 'two'), name: 'third' },
    ];
    const { entry, asked } = await survey('second', {
      changes,
      ordered: true,
      engine: (names) => (names.includes('first') ? livepatch : failing({ code: 'patch-does-not-apply' })),
    });
    expect(asked).toEqual([['second'], ['first', 'second']]);
    expect(entry).toMatchObject({ outcome: 'livepatch', with: ['first'] });
  });

  it('whose patch has wrong lines is not tried with those that change the same file otherwise', async () => {
    const changes = [
      { ...change('fs/a.c', 'one'), name: 'first' },
      { ...change('fs/a.c', 'two'), name: 'second' },
      { ...change('fs/a.c', 'three', 'wrong'), name: 'third' },
    ];
    const engine = (): ResultDocument => failing({ code: 'patch-does-not-apply', file: 'third.patch' });
    const { entry, asked } = await survey('third', { changes, ordered: true, engine });
    expect(asked).toEqual([['third']]);
    expect(entry).toMatchObject({ outcome: 'unusable', file: 'third.patch', with: [], attempts: [] });
  });

  it('of a branch is tried at once with all that its lines rest on', async () => {
    const changes = ['old', 'one', 'two', 'three'].map((removed, i, all) => ({
      ...change('fs/a.c', all[i + 1] ?? 'four', removed),
      name: `fix${i}`,
    }));
    const { asked } = await survey('fix3', {
      ...{ changes, ordered: true },
      engine: (names) => (names.length === 4 ? livepatch : failing({ code: 'patch-does-not-apply' })),
    });
    expect(asked).toEqual([['fix3'], ['fix0', 'fix1', 'fix2', 'fix3']]);
  });

  it('keeps its own reason when it is a companion that does not apply', async () => {
    const changes = [
      { ...change('fs/a.c', 'one'), name: 'first' },
      { ...change('fs/a.c', 'one'), name: 'same' },
      { ...change('fs/a.c', 'two', 'one'), name: 'second' },
    ];
    const { entry, asked, result } = await survey('second', {
      ...{ changes, ordered: true },
      engine: (names) =>
        names.length > 1
          ? failing({ code: 'patch-does-not-apply', file: 'same.patch', message: 'made already' })
          : failing({ code: 'patch-does-not-apply', file: 'second.patch', message: 'other lines' }),
    });
    expect(asked).toEqual([['second'], ['first', 'same', 'second']]);
    expect(entry).toMatchObject({
      ...{ outcome: 'unusable', file: 'second.patch', message: 'other lines', with: [] },
      attempts: [{ with: [] }, { with: ['first', 'same'], message: 'made already' }],
    });
    expect(reasonOf(result ?? livepatch).message).toBe('other lines');
  });

  it('keeps its own reason when it is a companion that does not compile', async () => {
    const { entry } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'helper();'), change('fs/lib.c', 'void helper(void)')],
      engine: (names) =>
        undeclared(names.length > 1 ? 'LACKING' : 'helper', names.length > 1 ? 'fs/lib.c' : 'fs/a.c'),
    });
    expect(entry).toMatchObject({ code: 'does-not-compile', file: 'fs/a.c', with: [] });
  });

  it('that no object is made from is not in this config, and the engine is not asked', async () => {
    const { entry, asked } = await survey('drivers/x.c', {
      changes: [change('drivers/x.c', 'x')],
      reach: [{ path: 'drivers/x.c', objects: 0, code: 'not-built', message: 'CONFIG_X is not set' }],
      engine: () => livepatch,
    });
    expect(asked).toEqual([]);
    expect(entry).toMatchObject({
      outcome: 'not-in-config',
      code: 'not-built',
      message: 'CONFIG_X is not set',
    });
  });

  it('of several files goes without those that this kernel does not contain, and says so', async () => {
    const { text } = change('fs/a.c', 'x');
    const { entry } = await survey('fix', {
      changes: [{ name: 'fix', text: text + change('drivers/x.c', 'y').text }],
      reach: [{ path: 'fs/a.c' }, { path: 'drivers/x.c', objects: 0, code: 'not-built' }],
      engine: () => livepatch,
    });
    expect(entry).toMatchObject({ outcome: 'livepatch', leftOut: ['drivers/x.c'] });
  });

  it('is put to the engine with a header that code linked apart reads alone', async () => {
    const { entry, asked } = await survey('include/vdso/x.h', {
      changes: [change('include/vdso/x.h', 'x')],
      reach: [{ path: 'include/vdso/x.h', objects: 0, code: 'object-not-livepatchable', message: 'x' }],
      engine: () => failing({ code: 'object-not-livepatchable' }),
    });
    expect(asked).toEqual([['include/vdso/x.h']]);
    expect(entry.code).toBe('object-not-livepatchable');
  });

  it.each([
    { code: 'internal', outcome: 'error' },
    { code: 'item-timeout', outcome: 'error' },
    { code: 'container-failed', outcome: 'error' },
    { code: 'patch-does-not-apply', outcome: 'unusable' },
  ])('that ends with $code is $outcome', async ({ code, outcome }) => {
    const { entry } = await survey('fs/a.c', {
      changes: [change('fs/a.c', 'x')],
      engine: () => failing({ code }),
    });
    expect(entry).toMatchObject({ outcome, code });
  });
});

import { describe, expect, it } from 'vitest';
import { createTwoFilesPatch } from 'diff';
import { applyPatches } from '../../../../src/engine/patch/apply.js';
import type { PatchedFile } from '../../../../src/engine/types.js';
import { randomEdits, randomSource } from './random-text.js';

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');

const apply = (files: Record<string, string>, ...texts: string[]): Promise<PatchedFile[]> =>
  applyPatches(
    texts.map((text, i) => ({ name: `p${i + 1}`, text })),
    (path) => Promise.resolve(files[path]),
  );
const one = async (original: string, ...texts: string[]): Promise<PatchedFile> => {
  const [file] = await apply({ f: original }, ...texts);
  if (!file) throw new Error('no file');
  return file;
};
/** A patch of file `f` from its hunks. */
const patch = (...hunks: string[]): string => `--- a/f\n+++ b/f\n${hunks.join('')}`;
const failure = async (original: string, text: string) => {
  const error: unknown = await one(original, text).catch((thrown: unknown) => thrown);
  return error as {
    code: string;
    message: string;
    advice: string;
    detail: { file: string; line: number; output: string };
  };
};

const change5 = patch('@@ -3,5 +3,5 @@\n line 3\n line 4\n-line 5\n+LINE 5\n line 6\n line 7\n');

describe('applyPatches', () => {
  it('applies a hunk where it says, and tells what changed', async () => {
    const file = await one(numbered(1, 9), change5);
    expect(file.patched).toBe(numbered(1, 4) + 'LINE 5\n' + numbered(6, 9));
    expect(file.changed).toEqual([{ from: 5, to: 5, patch: 'p1', patchLine: 7 }]);
    expect(file.notes).toBeUndefined();
  });

  it('counts what earlier hunks added and removed', async () => {
    const text = patch(
      '@@ -1,2 +1,4 @@\n line 1\n+a\n+b\n line 2\n',
      '@@ -5,3 +7,2 @@\n line 5\n-line 6\n line 7\n',
    );
    const file = await one(numbered(1, 9), text);
    expect(file.patched).toBe('line 1\na\nb\n' + numbered(2, 5) + numbered(7, 9));
    expect(file.changed).toEqual([
      { from: 2, to: 3, patch: 'p1', patchLine: 5 },
      { from: 8, to: 7, patch: 'p1', patchLine: 10 },
    ]);
    expect(file.notes).toBeUndefined();
  });

  describe('a hunk that names its function', () => {
    const body = (name: string, more = ''): string =>
      `static int ${name}(struct x *x,\n\t\tint y)\n{\n\tint err;\n${more}\n\terr = get(x);\n\tif (err)\n\t\tgoto out;\n\tuse(x);\nout:\n\treturn err;\n}\n\n`;
    const hunk = (from: number, heading: string): string =>
      patch(
        `@@ -${from},6 +${from},7 @@ ${heading}\n \terr = get(x);\n \tif (err)\n \t\tgoto out;\n+\tcheck(x);\n \tuse(x);\n out:\n \treturn err;\n`,
      ).replaceAll('/f\n', '/f.c\n');
    const applied = async (original: string, text: string): Promise<string> => {
      const [file] = await apply({ 'f.c': original }, text);
      return file?.patched ?? '';
    };
    const checked = (name: string, more = ''): string =>
      body(name, more).replace('\tuse', '\tcheck(x);\n\tuse');
    const two = body('one') + body('two');

    it('goes into that function when its lines stand in others too', async () => {
      expect(await applied(two, hunk(40, 'static int two(struct x *x,'))).toBe(body('one') + checked('two'));
    });

    it('goes into that function, be another one where it says', async () => {
      expect(await applied(two, hunk(6, 'int two(struct x *x)'))).toBe(body('one') + checked('two'));
    });

    it('goes into no other function when this kernel has its own otherwise', async () => {
      const other = body('one') + body('two').replace('use', 'consume');
      await expect(applied(other, hunk(19, 'static int two(struct x *x,'))).rejects.toMatchObject({
        code: 'patch-does-not-apply',
        message:
          'the hunk for f.c in p1 does not apply: it is for "static int two(struct x *x,", and its lines stand in another function alone, at line 6',
      });
    });

    it('tells what macros make by the first argument', async () => {
      const calls = two.replaceAll(/static int (\w+)\(/g, 'SYSCALL_DEFINE2($1, ');
      expect(await applied(calls, hunk(40, 'SYSCALL_DEFINE2(two, struct x *, x,'))).toContain(
        'two, struct x *x,',
      );
      expect(await applied(calls, hunk(40, 'SYSCALL_DEFINE2(tw'))).toContain('check(x)');
      await expect(applied(calls, hunk(40, 'SYSCALL_DEFINE2(three, struct x *, x,'))).rejects.toThrow(
        'three',
      );
    });

    it.each([
      ['renames it', ' \n-static int one(struct x *x,\n+static int first(struct x *x,\n \t\tint y)\n {\n'],
      [
        'puts another one before it',
        ' \n+int first(struct x *x)\n+{\n+}\n static int one(struct x *x,\n \t\tint y)\n',
      ],
      ['takes its head away', ' \n-static int one(struct x *x,\n \t\tint y)\n {\n'],
    ])('is looked for in what it was made from, when an earlier hunk %s', async (_, lines) => {
      const count = (kinds: string): number =>
        [...lines.matchAll(/^(.)/gm)].filter(([k]) => kinds.includes(k ?? '')).length;
      const first = `@@ -1,${count(' -')} +1,${count(' +')} @@\n${lines}`;
      const second = hunk(30, 'static int one(struct x *x,').replace(/^[^@]*/, '');
      const patched = await applied(`\n${body('one')}`, `--- a/f.c\n+++ b/f.c\n${first}${second}`);
      expect(patched).toContain('\tcheck(x);\n');
    });

    it('may go anywhere in what is not C', async () => {
      const text = hunk(6, 'Of two (others)').replaceAll('/f.c\n', '/f.rst\n');
      const [file] = await apply({ 'f.rst': body('one', '\n') }, text);
      expect(file?.patched).toBe(checked('one', '\n'));
    });

    it.each(['', 'out:', 'struct x {', '#define X 1'])(
      'may go anywhere else by its lines alone: "%s"',
      async (heading) => {
        expect(await applied(body('one', '\n'), hunk(6, heading))).toBe(checked('one', '\n'));
      },
    );
  });

  it('follows a hunk to the one other place where it fits, with a note', async () => {
    const file = await one('new\nnew\n' + numbered(1, 9), change5);
    expect(file.patched).toBe('new\nnew\n' + numbered(1, 4) + 'LINE 5\n' + numbered(6, 9));
    expect(file.notes).toMatchObject([
      { code: 'hunk-moved', message: expect.stringContaining('2 lines below') as string },
    ]);
  });

  it('refuses a hunk that fits in two other places', async () => {
    const error = await failure('new\n' + numbered(1, 9) + numbered(1, 9), change5);
    expect(error).toMatchObject({ code: 'patch-does-not-apply', detail: { file: 'p1', line: 3 } });
    expect(error.message).toMatch(/fit in 2 places, at lines 4, 13/);
  });

  it('does not trust the line of a hunk after one that had moved', async () => {
    const block = 'a\nb\nc\nd\n';
    const original = `new\n${numbered(1, 5)}${block}${block}`;
    const moved = patch(
      '@@ -1,3 +1,3 @@\n line 1\n-line 2\n+LINE 2\n line 3\n',
      '@@ -7,3 +7,3 @@\n b\n-c\n+C\n d\n',
    );
    expect((await failure(original, moved)).message).toMatch(/hunk 2 of 2 .*fit in 2 places/);
  });

  it('applies patches one after the other', async () => {
    const second = patch('@@ -4,3 +4,4 @@\n line 4\n LINE 5\n+more\n line 6\n');
    const file = await one(numbered(1, 9), change5, second);
    expect(file.patched).toBe(numbered(1, 4) + 'LINE 5\nmore\n' + numbered(6, 9));
    expect(file.changed).toEqual([{ from: 5, to: 6, patch: 'p1', patchLine: 7 }]);
  });

  it('reports no change when a patch takes another back', async () => {
    const back = patch('@@ -3,5 +3,5 @@\n line 3\n line 4\n-LINE 5\n+line 5\n line 6\n line 7\n');
    expect(await one(numbered(1, 9), change5, back)).toMatchObject({ patched: numbered(1, 9), changed: [] });
  });

  it('narrows a hunk that repeats lines to what differs', async () => {
    const text = patch('@@ -1,3 +1,4 @@\n-line 1\n-line 2\n-line 3\n+line 1\n+new\n+line 2\n+line 3\n');
    expect((await one(numbered(1, 3), text)).changed).toEqual([
      { from: 2, to: 2, patch: 'p1', patchLine: 8 },
    ]);
  });

  it('handles the end of a file without a line end, on either side', async () => {
    const add = patch('@@ -1,2 +1,3 @@\n line 1\n-line 2\n\\ No newline at end of file\n+line 2\n+line 3\n');
    expect((await one('line 1\nline 2', add)).patched).toBe(numbered(1, 3));
    const cut = patch('@@ -1,2 +1,2 @@\n line 1\n-line 2\n+line 2\n\\ No newline at end of file\n');
    expect((await one('line 1\nline 2\n', cut)).patched).toBe('line 1\nline 2');
    expect(await failure('line 1\nline 2\nline 3\n', cut)).toMatchObject({ code: 'patch-does-not-apply' });
    const context = patch('@@ -1,2 +1,2 @@\n-line 1\n+LINE 1\n line 2\n\\ No newline at end of file\n');
    expect((await one('line 1\nline 2', context)).patched).toBe('LINE 1\nline 2');
    expect(await failure('line 1\nline 2\n', context)).toMatchObject({ code: 'patch-does-not-apply' });
  });

  it('keeps the line ends of a file with CRLF, and undoes those of a patch with CRLF', async () => {
    const dos = change5.replace(/^([ +-]\w+ \d)$/gm, '$1\r');
    expect((await one(numbered(1, 9).replaceAll('\n', '\r\n'), dos)).patched).toContain(
      'line 4\r\nLINE 5\r\nline 6\r\n',
    );
    expect((await one(numbered(1, 9), change5.replaceAll('\n', '\r\n'))).patched).toContain(
      'line 4\nLINE 5\nline 6\n',
    );
  });

  it('finds a file by its name with and without the first folder', async () => {
    const files = { 'fs/x.c': numbered(1, 9), 'tools/fs/x.c': numbered(1, 9) };
    const named = (before: string, after: string) =>
      apply(files, change5.replace('a/f', before).replace('b/f', after)).then(([file]) => file?.path);
    expect(await named('a/fs/x.c', 'b/fs/x.c')).toBe('fs/x.c');
    expect(await named('fs/x.c', 'fs/x.c')).toBe('fs/x.c');
    expect(await named('./fs/x.c', './fs/x.c')).toBe('fs/x.c');
    expect(await named('tools/fs/x.c', 'tools/fs/x.c')).toBe('tools/fs/x.c');
    expect(
      await named('linux-6.12.orig/fs/x.c\t2024-01-01 00:00:00.000000000 +0100', 'linux-6.12/fs/x.c'),
    ).toBe('fs/x.c');
    expect(await named('linux/fs/x.c', 'linux/fs/x.c')).toBe('fs/x.c');
    expect(await named('fs/x.c.orig 2024-01-01 00:00:00', 'fs/x.c 2024-01-01 00:00:00')).toBe('fs/x.c');
    expect(await named('i/fs/x.c', 'w/fs/x.c')).toBe('fs/x.c');
    expect(await named('a/./fs/x.c', 'b/./fs/x.c')).toBe('fs/x.c');
    expect(await named('linux.orig/./fs//x.c', 'linux/./fs/x.c')).toBe('fs/x.c');
    expect(await named('fs/./x.c', 'fs/./x.c')).toBe('fs/x.c');
  });

  it('marks added, deleted and renamed files', async () => {
    const text = [
      'diff --git a/new.c b/new.c\nnew file mode 100644\nindex 000..123\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int x;\n',
      'diff --git a/old.c b/old.c\ndeleted file mode 100644\nindex 123..000\n--- a/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int y;\n',
      'diff --git a/one.c b/two.c\nsimilarity index 90%\nrename from one.c\nrename to two.c\n',
    ].join('');
    expect(await apply({ 'old.c': 'int y;\n', 'one.c': 'int z;\n' }, text)).toMatchObject([
      {
        path: 'new.c',
        op: 'added',
        original: '',
        patched: 'int x;\n',
        changed: [{ from: 1, to: 1, patchLine: 7 }],
      },
      { path: 'old.c', op: 'deleted', patched: '' },
      { path: 'two.c', op: 'renamed', from: 'one.c', patched: 'int z;\n' },
    ]);
  });

  it('gives back what a diff of random edits was made from', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const original = randomSource(seed);
      const edited = randomEdits(original, seed + 1000);
      if (edited === original) continue;
      const text = createTwoFilesPatch('a/f', 'b/f', original, edited, undefined, undefined, {
        context: seed % 4 || 1,
      });
      const file = await one(original, text).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}\n${text}`);
      });
      expect(file.patched, `seed ${seed}`).toBe(edited);
      expect(undo(file), `seed ${seed}`).toBe(original.split('\n').length);
    }
  });
});

/** Number of lines of the original that `changed` implies, by leaving the changed lines out and counting removed ones. */
function undo(file: PatchedFile): number {
  const kept = new Set(file.patched.split('\n').map((_, i) => i + 1));
  for (const { from, to } of file.changed) for (let i = from; i <= to; i++) kept.delete(i);
  const lines = file.patched.split('\n');
  const original = file.original.split('\n');
  // The lines that are said to be untouched must stand in the original, in order.
  let at = 0;
  for (const i of kept) {
    const found = original.indexOf(lines[i - 1] ?? '', at);
    if (found < 0) return -1;
    at = found + 1;
  }
  return original.length;
}

describe('a hunk that does not apply', () => {
  it('shows what was expected and what was found', async () => {
    const error = await failure(
      numbered(1, 4) + 'other\n' + numbered(6, 9).replace('line 7', 'seven'),
      change5,
    );
    expect(error.code).toBe('patch-does-not-apply');
    expect(error.detail.output).toBe('line 5\n  expected: "line 5"\n  found:    "other"');
    expect(error.advice).toContain('patch -p1 -b -i p1');
  });

  it.each([
    ['adds', '@@ -1,1 +1,2 @@\n line 1\n+new\n'],
    ['removes', '@@ -1,2 +1,1 @@\n line 1\n-line 2\n'],
  ])('says that a hunk that %s has no context below', async (_, hunk) => {
    const error = await failure(numbered(1, 9), patch(hunk));
    expect(error.message).toMatch(/no context after the change.* at line 1, but the file goes on there$/);
    expect(error.advice).toMatch(/^Refresh it/);
  });

  it('says that a hunk has no context above', async () => {
    const error = await failure(numbered(1, 9), patch('@@ -1,1 +1,2 @@\n+new\n line 5\n'));
    expect(error.message).toMatch(/no context before the change.* at line 5, but there are lines before it$/);
  });

  it('says that hunks are not in the order of the file', async () => {
    const hunk = (n: number): string =>
      `@@ -${n},3 +${n},3 @@\n line ${n}\n-line ${n + 1}\n+new\n line ${n + 2}\n`;
    const error = await failure(numbered(1, 9), patch(hunk(6), hunk(1)));
    expect(error.message).toMatch(/at line 1, before the place of the hunk that precedes it/);
  });

  it.each([
    ['changes', '@@ -3,3 +3,3 @@\n line 3\n-line 4\n+new\n line 5\n'],
    ['adds', '@@ -3,2 +3,3 @@\n line 3\n+new\n line 4\n'],
    ['removes', '@@ -3,3 +3,2 @@\n line 3\n-line 4\n line 5\n'],
  ])('says which earlier patch has made a change already that %s lines', async (_, hunk) => {
    const error: unknown = await one(numbered(1, 9), patch(hunk), patch(hunk)).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'patch-does-not-apply',
      message: expect.stringMatching(/in p2 .*an earlier patch of the same command, p1, has made/) as string,
      advice: expect.not.stringContaining('kernel without') as string,
    });
  });

  it('says which earlier patch has added a file already', async () => {
    const added = '--- /dev/null\n+++ b/g\n@@ -0,0 +1 @@\n+new\n';
    await expect(apply({}, added, added)).rejects.toThrow(
      /an earlier patch of the same command, p1, has made/,
    );
  });

  it('says that it is applied already', async () => {
    const error = await failure(numbered(1, 4) + 'LINE 5\n' + numbered(6, 9), change5);
    expect(error.message).toMatch(/applied already: its result stands at line 3/);
  });

  it('says which fuzz it would need, and where', async () => {
    const error = await failure('0\n' + numbered(1, 3) + 'other\n' + numbered(5, 9), change5);
    expect(error.message).toMatch(/line 6 only with fuzz 2/);
  });

  it('says that only white space differs', async () => {
    const error = await failure(numbered(1, 9).replace('line 6', 'line\t6'), change5);
    expect(error.message).toMatch(/white space/);
  });

  it('refuses a hunk without context to put an insertion by', async () => {
    const error = await failure(numbered(1, 9), patch('@@ -3,0 +4 @@\n+new\n'));
    expect(error.message).toMatch(/no lines of context/);
  });

  it('applies a hunk without context only where it says', async () => {
    const text = patch('@@ -5 +5 @@\n-line 5\n+LINE 5\n');
    expect((await one(numbered(1, 9), text)).patched).toContain('LINE 5');
    expect((await failure('new\n' + numbered(1, 9), text)).message).toMatch(/no lines of context/);
  });

  it('does not place the last lines of a file before its end', async () => {
    const text = patch('@@ -3,3 +3,4 @@\n line 3\n line 4\n line 5\n+line 6\n');
    expect((await one(numbered(1, 5), text)).patched).toBe(numbered(1, 6));
    expect(await failure(numbered(1, 7), text)).toMatchObject({ code: 'patch-does-not-apply' });
  });
});

describe('refusals of names and files', () => {
  const named = (name: string) => failure(numbered(1, 9), change5.replaceAll(/[ab]\/f/g, name));

  it.each(['/etc/passwd', 'a/../../etc/passwd', '../f', 'a/fs/../../x'])(
    'refuses the path %s',
    async (name) => {
      expect(await named(name)).toMatchObject({
        code: 'patch-path-escapes',
        detail: { file: 'p1', line: 1 },
      });
    },
  );

  it('refuses paths that only git headers name', async () => {
    expect(await failure('', 'diff --git a/../x b/../x\nold mode 100644\nnew mode 100755\n')).toMatchObject({
      code: 'patch-path-escapes',
    });
  });

  it('names a file that the kernel does not have', async () => {
    const error = await named('fs/gone.c');
    expect(error.code).toBe('patch-file-missing');
    expect(error.message).toContain('fs/gone.c or gone.c');
  });

  it('refuses binary changes', async () => {
    const text = 'diff --git a/f b/f\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZQz\n\n';
    expect(await failure('x', text)).toMatchObject({ code: 'patch-binary' });
    expect(await failure('x', 'diff --git a/f b/f\nBinary files a/f and b/f differ\n')).toMatchObject({
      code: 'patch-binary',
    });
  });

  it('limits how much it reads', async () => {
    expect(await failure('x', change5 + ' '.repeat(5_000_000))).toMatchObject({ code: 'patch-too-large' });
    await expect(apply({}, ...Array<string>(300).fill(change5))).rejects.toMatchObject({
      code: 'patch-too-large',
    });
  });
});

describe('patches with nothing in them', () => {
  it('are nothing to patch, and do no harm beside others', async () => {
    await expect(apply({ f: 'a\n' }, '', '\n')).rejects.toMatchObject({ code: 'nothing-to-patch' });
    expect((await one('a\n', '', patch('@@ -1 +1 @@\n-a\n+b\n'))).patched).toBe('b\n');
  });
});

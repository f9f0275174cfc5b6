import { describe, expect, it } from 'vitest';
import { parsePatch } from '../../../../src/engine/patch/parse.js';

const hunk = '@@ -1,3 +1,3 @@ int f(void)\n a\n-b\n+B\n c\n';
const plain = `--- a/f.c\n+++ b/f.c\n${hunk}`;
const error = (text: string) => {
  try {
    parsePatch('p', text);
  } catch (thrown) {
    return thrown as { code: string; message: string; detail: { line?: number } };
  }
  throw new Error('was read as a patch');
};

describe('parsePatch', () => {
  it('reads a mail with its preamble, several files and its signature', () => {
    const mail = [
      'From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] fix\n\n',
      '- a list in the message\n+ more of it\n---\n f.c | 2 +-\n 2 files changed\n\n',
      `diff --git a/f.c b/f.c\nindex 1..2 100644\n${plain}`,
      `diff --git a/g.c b/g.c\nindex 1..2 100644\n${plain.replaceAll('f.c', 'g.c')}`,
      '-- \n2.39.2\n\n',
    ].join('');
    const files = parsePatch('p', mail + mail);
    expect(files.map(({ newName, patchLine }) => [newName, patchLine])).toEqual([
      ['b/f.c', 11],
      ['b/g.c', 20],
      ['b/f.c', 42],
      ['b/g.c', 51],
    ]);
    expect(files[0]?.hunks).toMatchObject([
      {
        oldStart: 1,
        oldLines: 3,
        newStart: 1,
        newLines: 3,
        patchLine: 15,
        lines: [{}, { kind: '-', patchLine: 17 }, {}, {}],
      },
    ]);
  });

  it('takes an empty line in a hunk for an empty line of context', () => {
    const [file] = parsePatch('p', `--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n`);
    expect(file?.hunks[0]?.lines[1]).toMatchObject({ kind: ' ', text: '\n' });
  });

  it('takes lines of content that look like headers for content', () => {
    const text = '--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n--- b/x\n+++ b/x\n c\n';
    expect(parsePatch('p', text)[0]?.hunks[0]?.lines.map((line) => line.text)).toEqual([
      'a\n',
      '-- b/x\n',
      '++ b/x\n',
      'c\n',
    ]);
  });

  it('reads names with blanks, quotes and other letters', () => {
    const quoted =
      'diff --git "a/\\303\\244 \\"b\\".c" "b/\\303\\244 \\"b\\".c"\nold mode 100644\nnew mode 100755\n';
    expect(parsePatch('p', quoted)[0]).toMatchObject({ oldName: 'a/ä "b".c', newName: 'b/ä "b".c' });
    const blanks = 'diff --git a/a b.c b/a b.c\nold mode 100644\nnew mode 100755\n';
    expect(parsePatch('p', blanks)[0]).toMatchObject({ oldName: 'a/a b.c', newName: 'b/a b.c' });
  });

  it('knows added and deleted files of plain diffs', () => {
    const added =
      '--- linux.orig/f.c\t1970-01-01 01:00:00.000000000 +0100\n+++ linux/f.c\t2024\n@@ -0,0 +1,2 @@\n+a\n+b\n';
    expect(parsePatch('p', added)[0]).toMatchObject({ added: true, deleted: false });
    const deleted = '--- a/f.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n';
    expect(parsePatch('p', deleted)[0]).toMatchObject({ added: false, deleted: true, newName: undefined });
  });

  it.each([
    ['text', 'hello\nworld\n', /no `diff --git` line/],
    ['a binary file', 'a\0b', /binary/],
    [
      'a context diff',
      '*** a/f\n--- b/f\n***************\n*** 1,2 ****\n! a\n--- 1,2 ----\n! b\n',
      /context diff/,
    ],
    ['a normal diff', '1c1\n< a\n---\n> b\n', /without context/],
    ['a quoted patch', plain.replace(/^/gm, '> '), /indented or quoted/],
    ['an indented patch', plain.replace(/^/gm, '    '), /indented or quoted/],
    [
      'a merge diff',
      `diff --cc f.c\nindex 1,2..3\n--- a/f.c\n+++ b/f.c\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n`,
      /merge diff/,
    ],
    [
      'a mail whose text is encoded',
      `Subject: [PATCH] x\ncontent-transfer-encoding: Quoted-Printable\n\n${plain.replaceAll('=', '=3D')}`,
      /mail in quoted-printable/,
    ],
    [
      'a mail in base64, the second of two',
      `Subject: a\n\n${plain}\nSubject: b\nContent-Transfer-Encoding: base64\n\n${btoa(plain)}\n`,
      /mail in base64/,
    ],
    ['a hunk alone', hunk, /before any/],
    [
      'a cover letter',
      'From: A\nSubject: [PATCH 0/2] fixes\n\n f.c | 2 +-\n',
      /is the cover letter of a series/,
    ],
  ])('refuses %s', (_, text, message) => {
    const thrown = error(text);
    expect(thrown.code).toBe('not-a-patch');
    expect(thrown.message).toMatch(message);
  });

  it.each([
    ['is cut off', `--- a/f.c\n+++ b/f.c\n@@ -1,3 +1,3 @@\n a\n-b\n`, 3, /ends inside this hunk/],
    [
      'is too short',
      `--- a/f.c\n+++ b/f.c\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\ndiff --git a/x b/x\n`,
      3,
      /line 8 does not belong/,
    ],
    ['is too long', `${plain} d\n+e\n`, 9, /announces fewer lines/],
    ['is too long after an empty line', `${plain}\n-e\n`, 9, /announces fewer lines/],
    ['has a damaged header', `--- a/f.c\n+++ b/f.c\n@@ -x,3 +1,3 @@\n a\n-b\n+B\n c\n`, 3, /hunk header/],
    ['changes nothing', '--- a/f.c\n+++ b/f.c\n@@ -1,1 +1,1 @@\n a\n', 3, /changes nothing/],
    [
      'ends a file in its middle',
      '--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n\\ No newline at end of file\n+b\n c\n',
      5,
      /middle/,
    ],
  ])('refuses a hunk that %s, with its line', (_, text, line, message) => {
    const thrown = error(text);
    expect(thrown).toMatchObject({ code: 'not-a-patch', detail: { line } });
    expect(thrown.message).toMatch(message);
  });

  it('refuses a line that adds bytes which are not UTF-8, and takes a letter head that has such', () => {
    const bytes = Buffer.from('From: J\xfcrgen\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n', 'latin1');
    expect(parsePatch('p', bytes.toString('utf8'))).toHaveLength(1);
    const text = bytes.toString('latin1').replace('+b', '+"\xe9"');
    expect(error(Buffer.from(text, 'latin1').toString('utf8'))).toMatchObject({
      code: 'patch-not-utf8',
      detail: { line: 6 },
    });
    expect(parsePatch('p', text)[0]?.hunks[0]?.lines[1]?.text).toBe('"\xe9"\n');
  });
});

import { describe, expect, it } from 'vitest';
import { splitFiles, splitMails, withIds, withUniqueNames } from '../../../src/survey/split.js';
import { readItems } from '../../../src/survey/input.js';
import { splitDifference } from '../../../src/survey/releases.js';

const hunk = (path: string, line = 'new'): string =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1,2 +1,2 @@\n context\n-old\n+${line}\n`;

const mail = (commit: string, subject: string, body: string): string =>
  `From ${commit} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: ${subject}\n\nWhy.\n---\n${body}-- \n2.39.5\n\n`;

describe('splitFiles', () => {
  it('gives the part of each file, the first without what stands before it', () => {
    const parts = splitFiles('x.patch', `A message.\n\n${hunk('fs/a.c')}${hunk('include/linux/a.h')}`);
    expect(parts.map(({ path }) => path)).toEqual(['fs/a.c', 'include/linux/a.h']);
    expect(parts.map(({ text }) => text)).toEqual([hunk('fs/a.c'), hunk('include/linux/a.h')]);
  });

  it('knows a file that is added', () => {
    const text =
      'diff --git a/x.h b/x.h\nnew file mode 100644\n--- /dev/null\n+++ b/x.h\n@@ -0,0 +1 @@\n+#define X\n';
    expect(splitFiles('x.patch', text)).toMatchObject([{ path: 'x.h', added: true }]);
  });

  it('refuses a name that leads out of the tree', () => {
    expect(() => splitFiles('x.patch', hunk('../../etc/passwd'))).toThrow(/outside the kernel tree/);
  });
});

describe('splitMails', () => {
  it('names a mail by its subject as it was written, whatever the mail did to it', () => {
    const words = '=?UTF-8?q?=5BPATCH=5D_loadavg:_=C3=BCber?=\n =?utf-8?B?IOKAlA==?= one';
    expect(splitMails(mail('0'.repeat(40), words, hunk('fs/a.c')))[0]?.title).toBe('loadavg: über — one');
  });

  it('cuts an mbox into mails and takes commit and subject for a title', () => {
    const mails = splitMails(
      mail('1234567890abcdef1234567890abcdef12345678', '[PATCH 1/2] fs: a long\n subject', hunk('fs/a.c')) +
        mail('0000000000000000000000000000000000000000', '[PATCH] mm: b', hunk('mm/b.c')),
    );
    expect(mails.map(({ title }) => title)).toEqual(['1234567890ab fs: a long subject', 'mm: b']);
    expect(mails.map(({ text }) => splitFiles('x', text).map(({ path }) => path))).toEqual([
      ['fs/a.c'],
      ['mm/b.c'],
    ]);
  });

  it('takes a patch that is no mail as it is', () => {
    expect(splitMails(hunk('fs/a.c'))).toEqual([{ title: undefined, text: hunk('fs/a.c') }]);
  });

  it('does not take a line of a message for a mail', () => {
    const text = mail(
      '1234567890abcdef1234567890abcdef12345678',
      'x',
      `From here on it is wrong.\n${hunk('fs/a.c')}`,
    );
    expect(splitMails(text)).toHaveLength(1);
  });
});

describe('ids', () => {
  const ids = (...names: string[]): string[] =>
    withIds(names.map((name) => ({ name, parts: [] }))).map(({ id }) => id);

  it('are file names of their items', () => {
    expect(ids('fs/proc/meminfo.c')).toEqual(['fs-proc-meminfo-c']);
  });

  it('differ where names are alike but for what a file name cannot have', () => {
    const made = ids('fs/a-b.c', 'fs/a/b.c', 'fs/A-b.c');
    expect(new Set(made.map((id) => id.toLowerCase())).size).toBe(3);
    for (const id of made) expect(id).toMatch(/^[A-Za-z0-9][\w-]{0,39}$/);
  });

  it('are cut to what a module name can hold, and stay apart', () => {
    const long = 'drivers/net/ethernet/mellanox/mlx5/core/';
    const made = ids(`${long}one.c`, `${long}two.c`);
    expect(made[0]).not.toBe(made[1]);
    for (const id of made) expect(id.length).toBeLessThanOrEqual(40);
  });

  it('of an item do not depend on the others as long as they are its own', () => {
    expect(ids('fs/a.c', 'mm/b.c')[1]).toBe(ids('mm/b.c')[0]);
  });

  it('names that occur twice are numbered', () => {
    expect(withUniqueNames([{ name: 'a' }, { name: 'b' }, { name: 'a' }]).map(({ name }) => name)).toEqual([
      ...['a', 'b', 'a (2)'],
    ]);
  });
});

describe('the difference of two folders', () => {
  const output = [
    'diff -rNup --exclude=.git a/fs/a.c b/fs/a.c',
    '--- a/fs/a.c\t2026-01-02 03:04:05.000000000 +0000',
    '+++ b/fs/a.c\t2026-01-02 03:04:06.000000000 +0000',
    '@@ -1 +1 @@ int a(void)',
    '-old',
    '+new',
    'Symbolic links a/link and b/link differ',
    'Binary files a/logo.png and b/logo.png differ',
    'diff -rNup --exclude=.git a/fs/new.h b/fs/new.h',
    '--- a/fs/new.h\t1970-01-01 00:00:00.000000000 +0000',
    '+++ b/fs/new.h\t2026-01-02 03:04:06.000000000 +0000',
    '@@ -0,0 +1 @@',
    '+#define NEW',
    'diff -rNup --exclude=.git a/include/generated/x.h b/include/generated/x.h',
    '--- a/include/generated/x.h\t2026-01-02 03:04:05.000000000 +0000',
    '+++ b/include/generated/x.h\t2026-01-02 03:04:06.000000000 +0000',
    '@@ -1 +1 @@',
    '-1',
    '+2',
    '',
  ].join('\n');

  it('is one patch a file, without what builds make and without times', () => {
    const items = splitDifference(output);
    expect(items.map(({ name }) => name)).toEqual(['fs/a.c', 'logo.png', 'fs/new.h']);
    expect(items[0]?.text).toBe('--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@ int a(void)\n-old\n+new\n');
    expect(splitFiles('x', items[2]?.text ?? '')).toMatchObject([{ path: 'fs/new.h', added: true }]);
  });
});

describe('what a survey is made of', () => {
  it('answers for what --only names, and keeps the rest for company', () => {
    const patches = ['fs/a.c', 'fs/ab.c', 'mm/b.c'].map((path) => ({ name: path, text: hunk(path) }));
    const input = readItems('here', patches, false, ['fs/a.c', 'mm/']);
    expect(input.asked.map(({ name }) => name)).toEqual(['fs/a.c', 'mm/b.c']);
    expect(input.items).toHaveLength(3);
    expect(input.untouched).toEqual([]);
  });

  it('takes --only as shells complete it, and tells what of it no change touches', () => {
    const patches = ['fs/a.c', 'mm/b.c'].map((path) => ({ name: path, text: hunk(path) }));
    const input = readItems('here', patches, false, ['./fs//a.c', 'mn/', 'mm/b']);
    expect(input.asked.map(({ name }) => name)).toEqual(['fs/a.c']);
    expect(input.untouched).toEqual(['mn/', 'mm/b']);
    expect(readItems('here', patches, false, ['.']).asked).toHaveLength(2);
  });

  it('keeps what is no patch, with the reason', () => {
    const input = readItems(
      'here',
      [
        { name: 'a', text: hunk('fs/a.c') },
        { name: 'b', text: 'hello\n' },
      ],
      true,
      [],
    );
    expect(input.unreadable).toMatchObject([{ name: 'b', error: { code: 'not-a-patch' } }]);
  });

  it('leaves out the cover letter of a series, and no other mail without a patch', () => {
    const mail = (subject: string): string => `From: A <a@b>\nSubject: ${subject}\n\ntext\n`;
    const patches = [
      { name: 'cover', text: mail('[RFC PATCH v2 00/12] a series') },
      { name: 'reply', text: mail('Re: [PATCH 10/12] a fix') },
      { name: 'a', text: hunk('fs/a.c') },
    ];
    const input = readItems('here', patches, true, []);
    expect(input.coverLetters).toEqual(['cover']);
    expect(input.unreadable).toMatchObject([{ name: 'reply' }]);
    expect(input.asked.map(({ name }) => name)).toEqual(['a']);
  });

  it('must be something', () => {
    expect(() => readItems('here', [], true, [])).toThrow(expect.objectContaining({ code: 'survey-empty' }));
    const patches = [{ name: 'a', text: hunk('fs/a.c') }];
    expect(() => readItems('here', patches, true, ['mm'])).toThrow(/that touches mm/);
  });
});

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPatchedFiles } from '../../../../src/engine/kernel/preflight.js';
import { sourceReader } from '../../../../src/engine/kernel/read-source.js';
import { openKernel } from '../../../../src/engine/kernel/tree.js';
import type { PatchedFile } from '../../../../src/engine/types.js';
import { withToyKernel } from '../../../fixtures/toy-kernel/make.js';

const file = (path: string, more: Partial<PatchedFile> = {}): PatchedFile => ({
  path,
  original: 'a\n',
  patched: 'b\n',
  changed: [{ from: 1, to: 1, patch: 'p', patchLine: 5 }],
  ...more,
});
const check = (...files: PatchedFile[]) =>
  withToyKernel({}, async (dir) => checkPatchedFiles(files, await openKernel(dir, 'x86_64')));

describe('checkPatchedFiles', () => {
  it('keeps what the kernel was made from, and passes notes on', async () => {
    const note = { code: 'hunk-moved', severity: 'note' as const, message: 'moved' };
    const files = [
      file('fs/proc/meminfo.c', { notes: [note] }),
      file('fs/ext4/ext4.h'),
      file('fs/ext4/table.inc'),
    ];
    expect(await check(...files)).toEqual({ files, findings: [note] });
  });

  it('leaves out, with a note, what never reaches the kernel', async () => {
    const kept = file('lib/ctype.c');
    const { files, findings } = await check(
      file('Documentation/toy.rst'),
      file('tools/perf/perf.c', { op: 'added' }),
      file('MAINTAINERS'),
      file('fs/ext4/.gitignore'),
      file('samples/toy/toy.c'),
      file('include/linux/unused.h'),
      file('arch/arm64/boot/dts/toy.dts'),
      file('arch/arm64/kernel/head.S', { op: 'added' }),
      file('init/main.c', { patched: 'a\n', changed: [] }),
      kept,
    );
    expect(files).toEqual([kept]);
    expect(findings.map(({ code, file }) => [code, file])).toEqual(
      [
        'Documentation/toy.rst',
        'tools/perf/perf.c',
        'MAINTAINERS',
        'fs/ext4/.gitignore',
        'samples/toy/toy.c',
        'include/linux/unused.h',
        'arch/arm64/boot/dts/toy.dts',
        'arch/arm64/kernel/head.S',
        'init/main.c',
      ].map((path) => ['file-not-in-kernel', path]),
    );
  });

  it('says that nothing is left', async () => {
    await expect(check(file('Documentation/toy.rst'))).rejects.toMatchObject({
      code: 'nothing-to-patch',
      kind: 'nothing',
      message: expect.stringContaining('Documentation/toy.rst: documentation') as string,
    });
  });

  it.each([
    ['build-file-changed', file('fs/ext4/Makefile')],
    ['build-file-changed', file('fs/ext4/Kconfig')],
    ['build-file-changed', file('arch/x86/lib/x86-opcode-map.txt')],
    ['build-file-changed', file('Kbuild')],
    ['build-file-changed', file('arch/x86/kernel/vmlinux.lds.S')],
    ['build-file-changed', file('arch/x86/Kconfig')],
    ['build-file-changed', file('scripts/link-vmlinux.sh')],
    ['assembly-changed', file('lib/entry.S')],
    ['not-built', file('arch/x86/crypto/toy-avx.S')],
    ['rust-changed', file('rust/toy.rs')],
    ['file-added', file('fs/ext4/new.c', { op: 'added' })],
    ['file-added', file('fs/ext4/new.h', { op: 'added' })],
    ['file-deleted', file('lib/ctype.c', { op: 'deleted' })],
    ['file-renamed', file('lib/chartype.c', { op: 'renamed', from: 'lib/ctype.c' })],
    ['not-built', file('fs/ext4/verity.c')],
    ['object-not-livepatchable', file('arch/x86/boot/main.c')],
    ['object-not-livepatchable', file('scripts/mod/modpost.c')],
  ])('refuses as %s, naming file and line', async (code, patched) => {
    await expect(check(file('fs/proc/meminfo.c'), patched)).rejects.toMatchObject({
      code,
      kind: 'refused',
      detail: { file: patched.path },
    });
  });
});

describe('sourceReader', () => {
  const read = (path: string, prepare?: (dir: string) => Promise<void>) =>
    withToyKernel({}, async (dir) => {
      await prepare?.(dir);
      return sourceReader(await openKernel(dir, 'x86_64'))(path);
    });

  it('reads a file of the tree, and knows when there is none', async () => {
    expect(await read('include/linux/toy.h')).toBe('#define TOY 1\n');
    expect(await read('include/linux/none.h')).toBeUndefined();
    expect(await read('include/linux')).toBeUndefined();
  });

  it('refuses symbolic links, out of the tree above all', async () => {
    const escapes = { code: 'patch-path-escapes', kind: 'usage' };
    await expect(read('fs/out/passwd', (dir) => symlink('/etc', join(dir, 'fs/out')))).rejects.toMatchObject(
      escapes,
    );
    await expect(
      read('fs/passwd', (dir) => symlink('/etc/passwd', join(dir, 'fs/passwd'))),
    ).rejects.toMatchObject(escapes);
    await expect(
      read('fs/c.c', (dir) => symlink('../lib/ctype.c', join(dir, 'fs/c.c'))),
    ).rejects.toMatchObject(escapes);
  });

  it('refuses what is not text', async () => {
    const prepare = async (dir: string): Promise<void> => {
      await mkdir(join(dir, 'mm'));
      await writeFile(join(dir, 'mm/latin1.c'), Buffer.from([0x2f, 0x2f, 0xe9, 0x0a]));
    };
    await expect(read('mm/latin1.c', prepare)).rejects.toMatchObject({ code: 'source-not-text' });
  });
});

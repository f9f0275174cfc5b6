import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkApart, checkOffsets, withoutAssembly } from '../../../../src/engine/object/assembly.js';
import type { PatchedFile, TranslationUnit } from '../../../../src/engine/types.js';
import { withTempDir } from '../../../../src/shared/files.js';

/** Prints its input, or what an overlay (a path, here) puts in its place; fails without -E or -S. */
const fakeCompiler = `
const args = process.argv.slice(2);
const overlay = args.indexOf('-ivfsoverlay');
if (args.includes('-c') || args[args.indexOf('-o') + 1] !== '-') process.exit(3);
if (!args.includes('-E') && !args.includes('-S')) process.exit(4);
process.stdout.write(require('fs').readFileSync(overlay < 0 ? args.at(-1) : args[overlay + 1], 'utf8'));
`;

/** Runs `use` with a unit whose compiler output is `before`, and `after` with the patch. */
async function withUnit<T>(
  { source, before, after }: { source: string; before: string; after: string },
  use: (unit: TranslationUnit, files: PatchedFile[], overlay: string) => Promise<T>,
): Promise<T> {
  return withTempDir('assembly', async (dir) => {
    await writeFile(join(dir, 'compiler.cjs'), fakeCompiler);
    await writeFile(join(dir, source), before);
    await writeFile(join(dir, 'patched'), after);
    const compile = [process.execPath, 'compiler.cjs', '-Wp,-MMD,x.d', '-c', '-S', '-o', 'x.o', source];
    const unit = {
      source,
      object: 'x.o',
      objname: 'vmlinux',
      compile,
      cwd: dir,
      dependencies: [source, 'a.h'],
    };
    const files = ['a.h', 'b.h'].map((path) => ({ path, original: '', patched: '', changed: [] }));
    return use(unit, files, join(dir, 'patched'));
  });
}

describe('withoutAssembly', () => {
  it('leaves out assembly that the patch does not change, empty lines aside', async () => {
    const texts = { source: 'entry.S', before: '\n.globl x\n\nx:\n', after: '.globl x\n \n\n\nx:\n' };
    await withUnit(texts, async (unit, files, overlay) => {
      const c = { ...unit, source: 'main.c' };
      expect(await withoutAssembly([c, unit], files, { overlay })).toEqual([c]);
    });
  });

  it('refuses assembly that the patch changes, naming the header', async () => {
    const texts = { source: 'entry.S', before: 'x:\n', after: 'y:\n' };
    await withUnit(texts, async (unit, files, overlay) => {
      await expect(withoutAssembly([unit], files, { overlay })).rejects.toMatchObject({
        code: 'assembly-changed',
        message: expect.stringMatching(/entry\.S reads a\.h, /) as string,
      });
    });
  });
});

describe('checkApart', () => {
  const script = (after: string) => ({ source: 'vmlinux.lds.S', before: '\n. = 1;\n\nx = .;\n', after });

  it('takes a linker script that the patch does not change, empty lines aside', async () => {
    await withUnit(script('. = 1;\n\n\n \nx = .;\n'), async (unit, files, overlay) => {
      await expect(checkApart([unit], files, { overlay })).resolves.toBeUndefined();
    });
  });

  it('refuses one that it changes, naming the header', async () => {
    await withUnit(script('. = 2;\nx = .;\n'), async (unit, files, overlay) => {
      await expect(
        checkApart([{ ...unit, object: 'arch/x86/kernel/vmlinux.lds' }], files, { overlay }),
      ).rejects.toMatchObject({
        code: 'object-not-livepatchable',
        message: 'vmlinux.lds.S, which the kernel was linked by, reads a.h and differs with the patch',
      });
    });
  });
});

describe('checkOffsets', () => {
  const offsets = (size: number, more = ''): string =>
    `\t.ascii "->TASK_size $${size} sizeof(struct task)"\n\t.ascii "->ARM_size #4 sizeof(x)"\n${more}`;

  it('accepts other text with the same constants', async () => {
    const texts = { source: 'offsets.c', before: offsets(8), after: `# new\n${offsets(8)}` };
    await withUnit(texts, async (unit, files, overlay) => {
      await expect(checkOffsets([unit], files, { overlay })).resolves.toBeUndefined();
    });
  });

  it.each([
    ['another value', offsets(16), /TASK_size \(8 to 16\)/],
    ['a new constant', offsets(8, '\t.ascii "->NEW $1 1"\n'), /NEW \(none to 1\)/],
    ['a missing constant', '\t.ascii "->ARM_size #4 sizeof(x)"\n', /a\.h changed.* TASK_size \(8 to none\)/],
  ])('refuses %s', async (_, after, message) => {
    await withUnit({ source: 'offsets.c', before: offsets(8), after }, async (unit, files, overlay) => {
      await expect(checkOffsets([unit], files, { overlay })).rejects.toMatchObject({
        code: 'assembly-changed',
        message: expect.stringMatching(message) as string,
      });
    });
  });
});

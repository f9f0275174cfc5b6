import { describe, expect, it } from 'vitest';
import { objectsApart, unitsApart } from '../../../../src/engine/kernel/apart.js';
import { noUnit } from '../../../../src/engine/kernel/no-unit.js';
import { openKernel } from '../../../../src/engine/kernel/tree.js';
import { withToyKernel } from '../../../fixtures/toy-kernel/make.js';

const record = (
  object: string,
  ...dependencies: string[]
): string => `savedcmd_${object} := clang -c -o ${object} a.c

source_${object} := ${object.replace(/\.o$/, '.c')}

deps_${object} := \\
${dependencies.map((path) => `  ${path} \\\n`).join('')}
${object}: $(deps_${object})
`;
const vdso = 'arch/x86/entry/vdso/vtoy.o';
const files = {
  'arch/x86/entry/vdso/.vtoy.o.cmd': record(vdso, 'include/linux/toy.h', 'lib/vdso/toy.c'),
  'lib/vdso/toy.c': 'int toy;\n',
};

describe('what is linked apart from the kernel', () => {
  it('is found by what it reads; the loader and what the kernel is made of are no part of it', async () => {
    const found = await withToyKernel({ files }, async (dir) => {
      const tree = await openKernel(dir, 'x86_64');
      return await Promise.all(
        [['include/linux/toy.h'], ['lib/vdso/toy.c'], ['lib/ctype.c'], ['init/main.c']].map(async (paths) =>
          (await objectsApart(tree, paths)).map(({ object }) => object),
        ),
      );
    });
    expect(found).toEqual([[vdso], [vdso], [], []]);
  });

  it('is, like that, the script by which the kernel was linked', async () => {
    const script = 'arch/x86/kernel/vmlinux.lds';
    const reads = record(script, 'include/linux/place.h')
      .replace('-c -o', '-E -P -o')
      .replace(/a\.c\n/, `${script}.S\n`);
    const source = reads.replace(/^source_.*$/m, `source_${script} := ${script}.S`);
    const found = await withToyKernel(
      { files: { 'arch/x86/kernel/.vmlinux.lds.cmd': source } },
      async (dir) => {
        const tree = await openKernel(dir, 'x86_64');
        return {
          units: await unitsApart(tree, ['include/linux/place.h']),
          reason: await noUnit(tree, 'include/linux/place.h'),
        };
      },
    );
    expect(found.units).toMatchObject([{ source: `${script}.S`, object: script }]);
    expect(found.reason).toMatchObject({
      code: 'object-not-livepatchable',
      message:
        'include/linux/place.h is read by arch/x86/kernel/vmlinux.lds alone, which the kernel was linked by',
    });
  });

  it('is the reason why a file that it alone reads cannot be livepatched', async () => {
    const reason = await withToyKernel({ files }, async (dir) =>
      noUnit(await openKernel(dir, 'x86_64'), 'lib/vdso/toy.c'),
    );
    expect(reason).toMatchObject({ code: 'object-not-livepatchable', detail: { object: vdso } });
  });
});

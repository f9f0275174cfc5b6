import { describe, expect, it } from 'vitest';
import { generatedFindings } from '../../../../src/engine/kernel/generated.js';
import { openKernel } from '../../../../src/engine/kernel/tree.js';
import { withToyKernel } from '../../../fixtures/toy-kernel/make.js';

describe('a file that a program of the build made source from', () => {
  const files = {
    'init/.main.c.cmd': `savedcmd_init/main.c := { echo names; sh init/../scripts/names.sh < ./include/linux/../linux/toy.h; } > init/main.c\n`,
  };

  it('is told of', async () => {
    const codes = await withToyKernel({ files }, async (dir) => {
      const tree = await openKernel(dir, 'x86_64');
      return await Promise.all(
        ['include/linux/toy.h', 'scripts/names.sh', 'lib/ctype.c'].map((path) =>
          generatedFindings(tree, [path]),
        ),
      );
    });
    expect(codes).toMatchObject([
      [{ code: 'generated-not-remade', severity: 'warning', file: 'include/linux/toy.h' }],
      [{ file: 'scripts/names.sh' }],
      [],
    ]);
    expect(codes[0]?.[0]?.message).toContain('init/main.c');
  });
});

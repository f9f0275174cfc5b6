import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compileArgv,
  modpostArgv,
  moduleLinkArgv,
  partialLinkArgv,
} from '../../../../src/engine/klp/link.js';
import { readModuleRecipe } from '../../../../src/engine/klp/recorded.js';
import type { KernelTree } from '../../../../src/engine/types.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-recorded-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const tree = (): KernelTree => ({
  dir,
  source: dir,
  arch: 'x86_64',
  release: '6.12.0',
  config: new Map(),
  compilerText: '',
  series: [],
  configSha256: '',
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(dir, dirname(path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
}

const compile = `clang -Wp,-MMD,fs/.a.mod.o.d -I./include -DMODULE -DKBUILD_BASENAME='"a.mod"' -DKBUILD_MODNAME='"a"' -D__KBUILD_MODNAME=kmod_a -c -o fs/a.mod.o fs/a.mod.c`;
const newKernel = {
  'modules.order': 'fs/a.o\nfs/b.o\n',
  'fs/a.mod': 'fs/a1.o\nfs/a2.o\n',
  'fs/.a.o.cmd':
    'savedcmd_fs/a.o := ld.lld -m elf_x86_64 -r -o fs/a.o @fs/a.mod  ; ./tools/objtool/objtool --ibt --orc --link  --module fs/a.o\n',
  'fs/.a1.o.cmd': 'savedcmd_fs/a1.o := clang -fsanitize=kcfi -c -o fs/a1.o fs/a1.c\n',
  'fs/.a.mod.o.cmd': `savedcmd_fs/a.mod.o := ${compile}\n\nsource_fs/a.mod.o := fs/a.mod.c\n`,
  'fs/.a.ko.cmd':
    'savedcmd_fs/a.ko := ld.lld -r -m elf_x86_64 -z noexecstack --build-id=sha1  -T scripts/module.lds -o fs/a.ko fs/a.o fs/a.mod.o .module-common.o\n',
  '.Module.symvers.cmd':
    'savedcmd_Module.symvers :=  scripts/mod/modpost -M -m  -E -a -t -u keep.txt -o Module.symvers -T modules.order vmlinux.o\n',
};

describe('readModuleRecipe', () => {
  it('takes the commands of the first module', async () => {
    await write(newKernel);
    const recipe = await readModuleRecipe(tree());
    expect(recipe.objtool).toEqual(['./tools/objtool/objtool', '--ibt', '--orc', '--link', '--module']);
    expect(recipe.callChecks).toEqual(['-fsanitize=kcfi']);
    expect(recipe.compile).toContain('-DKBUILD_MODNAME="a"');
    expect(recipe.linkInputs).toEqual({ object: 'fs/a.o', modObject: 'fs/a.mod.o' });
  });

  it('reads what older kernels recorded: cmd_, .ko in modules.order, objtool for each object', async () => {
    const old = Object.fromEntries(
      Object.entries(newKernel).map(([path, text]) => [path, text.replaceAll('savedcmd_', 'cmd_')]),
    );
    await write({
      ...old,
      'modules.order': 'fs/a.ko\n',
      '.Module.symvers.cmd':
        "cmd_Module.symvers := sed 's/ko$$/o/'  modules.order | scripts/mod/modpost -m    -o Module.symvers -T - vmlinux.o\n",
      'fs/.a.o.cmd': 'cmd_fs/a.o := ld.lld -m elf_x86_64 -r -o fs/a.o @fs/a.mod\n',
      'fs/.a1.o.cmd': 'cmd_fs/a1.o := clang -c -o fs/a1.o fs/a1.c; ./tools/objtool/objtool --orc fs/a1.o\n',
      'fs/.a.ko.cmd': `${old['fs/.a.ko.cmd']?.trimEnd() ?? ''};  true\n`,
    });
    const recipe = await readModuleRecipe(tree());
    expect(recipe.objtool).toEqual(['./tools/objtool/objtool', '--orc']);
    expect(recipe.link.at(-1)).toBe('.module-common.o');
    expect(modpostArgv(recipe.modpost, '/s/order', '/s/out').slice(0, 4)).toEqual([
      'scripts/mod/modpost',
      '-m',
      '-e',
      '-w',
    ]);
    expect(recipe.callChecks).toEqual([]);
  });

  it.each(Object.keys(newKernel))('says so when %s is missing', async (path) => {
    await write(newKernel);
    await rm(join(dir, path));
    await expect(readModuleRecipe(tree())).rejects.toMatchObject({ code: 'build-record-missing' });
  });

  it('says so when the kernel was built without modules', async () => {
    await write({ ...newKernel, 'modules.order': '' });
    await expect(readModuleRecipe(tree())).rejects.toThrow(/names no module/);
  });
});

describe('recorded commands with other files', () => {
  it('compile our source under our name and write nothing into the tree', async () => {
    await write(newKernel);
    const recipe = await readModuleRecipe(tree());
    const to = { module: 'livepatch_x', base: 'w', extra: ['-Wextra'], object: '/s/w.o', source: '/s/w.c' };
    expect(compileArgv(recipe.compile, to)).toEqual([
      'clang',
      '-I./include',
      '-DMODULE',
      '-DKBUILD_BASENAME="w"',
      '-DKBUILD_MODNAME="livepatch_x"',
      '-D__KBUILD_MODNAME=kmod_livepatch_x',
      '-c',
      '-Wextra',
      '-o',
      '/s/w.o',
      '/s/w.c',
    ]);
  });

  it('link our objects', async () => {
    await write(newKernel);
    const { link, linkInputs } = await readModuleRecipe(tree());
    expect(partialLinkArgv(link, ['/s/1.o', '/s/2.o'], '/s/out.o')).toEqual([
      'ld.lld',
      '-r',
      '-m',
      'elf_x86_64',
      '-z',
      'noexecstack',
      '-o',
      '/s/out.o',
      '/s/1.o',
      '/s/2.o',
    ]);
    expect(moduleLinkArgv(link, linkInputs, ['/s/1.o', '/s/2.o'], '/s/x.ko').slice(6)).toEqual([
      '--build-id=sha1',
      '-T',
      'scripts/module.lds',
      '-o',
      '/s/x.ko',
      '/s/1.o',
      '/s/2.o',
      '.module-common.o',
    ]);
  });

  it('run modpost over our module with the exports of the kernel', async () => {
    await write(newKernel);
    const { modpost } = await readModuleRecipe(tree());
    expect(modpostArgv(modpost, '/s/order', '/s/symvers')).toEqual([
      'scripts/mod/modpost',
      '-M',
      '-m',
      '-E',
      '-e',
      '-w',
      '-i',
      'Module.symvers',
      '-o',
      '/s/symvers',
      '-T',
      '/s/order',
    ]);
  });
});

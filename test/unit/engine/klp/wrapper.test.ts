import { describe, expect, it } from 'vitest';
import { moduleNames } from '../../../../src/engine/klp/assemble.js';
import { wrapperSource, type WrapperInput } from '../../../../src/engine/klp/wrapper.js';

const input: WrapperInput = {
  funcs: [
    { objname: 'ext4', oldName: 'ext4_f', sympos: 2, newName: 'ext4_f.klp_unit1' },
    { objname: 'vmlinux', oldName: 'g', sympos: 0, newName: 'g' },
    { objname: 'ext4', oldName: 'ext4_h', sympos: 0, newName: 'ext4_h' },
  ],
  callbacks: [],
  replace: true,
  namespaces: ['B', 'A'],
  modules: [],
  description: 'says "hi" \\ \n',
  include: 'x.mod.c',
};

/** The rows of the function table that an object with this `.name` uses. */
function rowsOf(source: string, name: string): string[] {
  const index = new RegExp(`\\.name = ${name},\\s+\\.funcs = (klp_funcs_\\d+)`).exec(source)?.[1] ?? 'none';
  const table = new RegExp(`${index}\\[\\] = \\{([^]*?)\\n\\};`).exec(source)?.[1] ?? '';
  return [...table.matchAll(/\.old_name = "(\w+)".*\.old_sympos = (\d+)/g)].map((m) => `${m[1]},${m[2]}`);
}

describe('wrapperSource', () => {
  it('gives each object its own functions, vmlinux first and without a name', () => {
    const source = wrapperSource(input);
    expect(rowsOf(source, 'NULL')).toEqual(['g,0']);
    expect(rowsOf(source, '"ext4"')).toEqual(['ext4_f,2', 'ext4_h,0']);
    expect(source.indexOf('.name = NULL')).toBeLessThan(source.indexOf('.name = "ext4"'));
  });

  it('refers to new functions by their exact symbol, also where C has no such name', () => {
    expect(wrapperSource(input)).toContain('__asm__("ext4_f.klp_unit1")');
  });

  it('sets what the module says of itself, safely quoted', () => {
    const source = wrapperSource(input);
    expect(source).toContain('MODULE_INFO(livepatch, "Y")');
    expect(source).toContain('MODULE_LICENSE("GPL")');
    expect(source.indexOf('MODULE_INFO(import_ns, "A")')).toBeLessThan(
      source.indexOf('MODULE_INFO(import_ns, "B")'),
    );
    expect(source).toContain(String.raw`MODULE_DESCRIPTION("says \042hi\042 \134 \012")`);
    expect(source).toContain('.replace = true');
    expect(wrapperSource({ ...input, replace: false })).toContain('.replace = false');
  });

  it('names the build of the kernel that it is for, where the kernel has an id', () => {
    const source = wrapperSource({ ...input, kernelBuildId: '0a1b' });
    expect(source).toContain('MODULE_INFO(klp_build_id, "0a1b")');
    expect(wrapperSource(input)).not.toContain('klp_build_id');
  });

  it('names the builds of the modules that it is for', () => {
    const modules = [
      { name: 'ext4', buildId: '0a' },
      { name: 'jbd2', buildId: '0b' },
    ];
    const source = wrapperSource({ ...input, modules });
    expect(source).toContain('MODULE_INFO(klp_module_build_id, "ext4:0a")');
    expect(source).toContain('MODULE_INFO(klp_module_build_id, "jbd2:0b")');
  });

  it('hooks callbacks to their object, also one without functions', () => {
    const source = wrapperSource({
      ...input,
      callbacks: [
        { objname: 'ext4', prePatch: 'before', postUnpatch: 'after' },
        { objname: 'loop', postPatch: 'there' },
      ],
    });
    expect(source).toMatch(
      /\.name = "ext4",[^}]*\.callbacks\.pre_patch = before,\s*\.callbacks\.post_unpatch = after,/,
    );
    expect(source).toContain('extern int before(struct klp_object *);');
    expect(source).toMatch(/\.name = "loop",[^}]*\.callbacks\.post_patch = there,/);
    expect(rowsOf(source, '"loop"')).toEqual([]);
  });
});

describe('moduleNames', () => {
  it('makes the names of the file and of the module', () => {
    expect(moduleNames('cve-2026_1')).toEqual({
      file: 'livepatch-cve-2026_1',
      module: 'livepatch_cve_2026_1',
    });
  });

  it.each(['', '-x', 'a/b', 'a.b', 'ä', 'a b', 'x'.repeat(46)])('refuses %j', (name) => {
    expect(() => moduleNames(name)).toThrow(
      expect.objectContaining({ code: 'module-name-invalid' }) as Error,
    );
  });
});

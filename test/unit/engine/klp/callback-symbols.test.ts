import { describe, expect, it } from 'vitest';
import { STB, STT } from '../../../../src/engine/elf/constants.js';
import type { ElfFile } from '../../../../src/engine/elf/model.js';
import { parseModule } from '../../../../src/engine/ir/module.js';
import type { Definition } from '../../../../src/engine/kernel/definition.js';
import type { KlpSource } from '../../../../src/engine/kernel/symbols.js';
import { callbackSymbols } from '../../../../src/engine/klp/callback-symbols.js';
import type { Offer } from '../../../../src/engine/provide.js';
import type { SymbolSource, TranslationUnit } from '../../../../src/engine/types.js';
import { KlpError } from '../../../../src/shared/errors.js';
import { code, elf, rela, relocations, symbol } from '../../../helpers/elf.js';
import { unitOf } from '../../../helpers/unit.js';

const klp = (objname: string, name: string, more: Partial<KlpSource> = {}): KlpSource => ({
  kind: 'klp',
  name,
  objname,
  sympos: 0,
  proof: '',
  ...more,
});
const of = (objname: string, source = `${objname}.c`): TranslationUnit => ({ ...unitOf(source), objname });

/** What sources are compiled into: one object each, `shared.c` into three, and `twice.c` into two of the same module. */
const unitsOf = (path: string): Promise<TranslationUnit[]> => {
  if (path === 'nofile.c') return Promise.reject(new KlpError('not-built', 'no nofile.c', { file: path }));
  return Promise.resolve(
    {
      'fs/ext4/super.c': [of('ext4')],
      'net/tcp.c': [of('vmlinux')],
      'other.c': [of('vmlinux', 'other.c')],
      'shared.c': [of('ext4'), of('jbd2'), of('vmlinux', 'other.c')],
      'twice.c': [of('ext4', 'twice-a.c'), of('ext4', 'twice-b.c')],
    }[path] ?? [],
  );
};

/** The kernel: ext4 depends on jbd2; `other.c` has none of the names. */
const symbols = {
  resolveLocal: (unit: TranslationUnit, name: string): KlpSource => {
    if (unit.source === 'other.c') throw new KlpError('symbol-not-in-kernel', name);
    if (name === 'early') return klp('vmlinux', name, { freed: '.init.data' });
    return klp(unit.objname, name, { sympos: unit.source === 'twice-b.c' ? 2 : 0 });
  },
  resolveGlobal: (unit: TranslationUnit, name: string): SymbolSource => {
    if (name === '_printk') return { kind: 'export', name };
    if (name === 'hidden') return klp('vmlinux', name);
    if (name === 'setup') return klp('vmlinux', name, { freed: '.init.text' });
    if (name.startsWith('ext4_') && unit.objname === 'ext4') return klp('ext4', name);
    if (name.startsWith('jbd2_') && unit.objname !== 'vmlinux') return klp('jbd2', name);
    throw new KlpError('symbol-not-in-kernel', name);
  },
  dependencies: ({ objname }: TranslationUnit) => new Set(objname === 'ext4' ? ['jbd2'] : []),
  definition: (source: SymbolSource): Definition => ({
    kind: 'variable',
    size: 4,
    mayHaveMargin: false,
    isReadOnly: source.name === 'fops',
  }),
};

/**
 * Callbacks of these objects that use `names`; a name may be `ALIAS=PATH:NAME`, which declares it. Only ext4's callbacks
 * use what has a name or alias that ends in `_alone`.
 */
async function used(
  objects: string[],
  names: string[],
  offers: Record<string, Offer[]> = {},
  ir = '',
): Promise<Record<string, SymbolSource>> {
  const units = objects.map((objname) => of(objname, 'cb.c'));
  const declared = names.map((name) => /^(\w+)=(.+):(\w+)$/.exec(name));
  const text = declared.flatMap((d) =>
    d ? `\n\nLLPATCH_DECLARE_SYMBOL(int, ${d[1] ?? ''}, ${d[2] ?? ''},\n\t${d[3] ?? ''});` : [],
  );
  const body = code();
  const needed = names.map((name, i) =>
    symbol(declared[i] ? `__llpatch_symbol_${declared[i][1] ?? ''}` : name),
  );
  const hook = symbol('klp_call_pre_patch_callback', { place: body, type: STT.FUNC, size: 64n });
  const file: ElfFile = elf(
    [
      body,
      relocations(
        body,
        needed.map((to, i) => rela(8 * i, to)),
      ),
    ],
    [hook, ...needed],
  );
  const { sources } = await callbackSymbols(file, {
    file: 'cb.c',
    text: text.join(''),
    objects: units,
    objectsOf: (name) => units.filter(({ objname }) => !name.endsWith('_alone') || objname === 'ext4'),
    unitsOf,
    symbols,
    provided: { offers: new Map(Object.entries(offers)), gone: new Set() },
    ir: parseModule(ir, 'cb.ll'),
  });
  return Object.fromEntries(sources);
}

const refusal = (code: string, detail: object): unknown =>
  expect.objectContaining({ code, detail: expect.objectContaining(detail) as object });

describe('the symbols of callbacks', () => {
  it('are those of vmlinux, for every object', async () => {
    expect(await used(['vmlinux', 'ext4'], ['_printk', 'hidden', 'v=net/tcp.c:v'])).toEqual({
      _printk: { kind: 'export', name: '_printk' },
      hidden: klp('vmlinux', 'hidden', { appliedWith: 'vmlinux' }),
      __llpatch_symbol_v: klp('vmlinux', 'v', { appliedWith: 'vmlinux' }),
    });
  });

  it('are those of a module and what it depends on, where they run for it alone', async () => {
    expect(await used(['ext4'], ['rs=fs/ext4/super.c:rs', 'ext4_f', 'jbd2_f', 'hidden'])).toEqual({
      __llpatch_symbol_rs: klp('ext4', 'rs', { appliedWith: 'ext4' }),
      ext4_f: klp('ext4', 'ext4_f', { appliedWith: 'ext4' }),
      jbd2_f: klp('jbd2', 'jbd2_f', { appliedWith: 'ext4' }),
      hidden: klp('vmlinux', 'hidden', { appliedWith: 'ext4' }),
    });
  });

  it("are those of a module in that module's own callbacks, whatever else the livepatch patches", async () => {
    const objects = ['vmlinux', 'ext4', 'jbd2'];
    expect(await used(objects, ['rs_alone=fs/ext4/super.c:rs', 'jbd2_alone', '_printk'])).toEqual({
      __llpatch_symbol_rs_alone: klp('ext4', 'rs', { appliedWith: 'ext4' }),
      jbd2_alone: klp('jbd2', 'jbd2_alone', { appliedWith: 'ext4' }),
      _printk: { kind: 'export', name: '_printk' },
    });
  });

  it.each([
    ['vmlinux', ['vmlinux']],
    ['another module', ['jbd2']],
    ['it and vmlinux', ['vmlinux', 'ext4']],
  ])('are not those of a module where they run for %s', async (_, objects) => {
    const place = { file: 'cb.c', line: 3, function: 'pre_patch_callback', object: 'ext4' };
    const expected = refusal('callbacks-unusable', place);
    await expect(used(objects, ['rs=fs/ext4/super.c:rs'])).rejects.toEqual(expected);
  });

  it('are not those that a name means for one of several objects alone', async () => {
    await expect(used(['ext4', 'jbd2'], ['jbd2_f'])).rejects.toMatchObject({ code: 'callbacks-unusable' });
    await expect(used(['ext4', 'vmlinux'], ['ext4_f'])).rejects.toMatchObject({
      code: 'symbol-not-in-kernel',
      detail: { file: 'cb.c', function: 'pre_patch_callback' },
    });
  });

  it('are not guessed where a source is part of several objects', async () => {
    await expect(used(['ext4'], ['v=twice.c:v'])).rejects.toThrow(/twice-a.o of ext4, twice-b.o of ext4/);
    expect(await used(['jbd2'], ['v=shared.c:v'])).toEqual({
      __llpatch_symbol_v: klp('jbd2', 'v', { appliedWith: 'jbd2' }),
    });
    await expect(used(['vmlinux'], ['v=shared.c:v'])).rejects.toMatchObject({ code: 'symbol-not-in-kernel' });
  });

  it('are not what the kernel has freed', async () => {
    const place = { file: 'cb.c', function: 'pre_patch_callback' };
    await expect(used(['vmlinux'], ['v=net/tcp.c:early'])).rejects.toEqual(refusal('init-code-used', place));
    await expect(used(['vmlinux'], ['setup'])).rejects.toEqual(refusal('init-code-used', place));
  });

  it('are declared with the size that they have, and not written to where they are read-only', async () => {
    const place = { file: 'cb.c', line: 3, function: 'pre_patch_callback' };
    const given = (name: string, type: string) =>
      used(
        ['vmlinux'],
        [`a=net/tcp.c:${name}`],
        {},
        `@__llpatch_symbol_a = external global ${type}\ndefine void @f() {\n  store i32 1, ptr @__llpatch_symbol_a\n}\n`,
      );
    expect(await given('v', 'i32')).toHaveProperty('__llpatch_symbol_a');
    await expect(given('v', 'i64')).rejects.toEqual(refusal('callbacks-unusable', place));
    await expect(given('fops', 'i32')).rejects.toEqual(refusal('callbacks-unusable', place));
  });

  it('are told of where the callbacks name them', async () => {
    const place = { file: 'cb.c', line: 3, function: 'pre_patch_callback' };
    const path = { ...place, advice: expect.stringMatching(/the C file that defines/) as string };
    await expect(used(['vmlinux'], ['v=nofile.c:v'])).rejects.toEqual(refusal('callbacks-unusable', path));
    const name = { ...path, advice: expect.stringMatching(/the C file that defines.*`extern`/) as string };
    await expect(used(['vmlinux'], ['v=other.c:v'])).rejects.toEqual(refusal('symbol-not-in-kernel', name));
    const byName = { file: 'cb.c', advice: expect.stringMatching(/LLPATCH_DECLARE_SYMBOL/) as string };
    await expect(used(['vmlinux'], ['nowhere'])).rejects.toEqual(refusal('symbol-not-in-kernel', byName));
  });

  it('are left to the link where the livepatch defines them', async () => {
    expect(await used(['vmlinux', 'ext4'], ['fresh'], { fresh: [{ objname: 'vmlinux' }] })).toEqual({});
    await expect(
      used(['vmlinux', 'ext4'], ['fresh'], { fresh: [{ objname: 'ext4' }] }),
    ).rejects.toMatchObject({
      code: 'new-module-dependency',
    });
  });

  it('may be nowhere if they are weak', async () => {
    const body = code();
    const optional = symbol('nowhere', { binding: STB.WEAK });
    const file = elf([body, relocations(body, [rela(0, optional)])], [optional]);
    const provided = { offers: new Map(), gone: new Set<string>() };
    const scope = {
      file: 'cb.c',
      text: '',
      objects: [of('vmlinux')],
      objectsOf: () => [of('vmlinux')],
      unitsOf,
      symbols,
      provided,
      ir: parseModule('', 'cb.ll'),
    };
    expect([...(await callbackSymbols(file, scope)).sources]).toEqual([]);
    await expect(used(['vmlinux'], ['nowhere'])).rejects.toMatchObject({ code: 'symbol-not-in-kernel' });
  });

  it('are declared with four words', async () => {
    const scope = {
      file: 'cb.c',
      objects: [],
      objectsOf: () => [],
      unitsOf,
      symbols,
      provided: { offers: new Map(), gone: new Set<string>() },
      ir: parseModule('', 'cb.ll'),
    };
    const text = '\nLLPATCH_DECLARE_SYMBOL(int);\n';
    await expect(callbackSymbols(elf([], []), { ...scope, text })).rejects.toEqual(
      refusal('callbacks-unusable', { file: 'cb.c', line: 2 }),
    );
  });
});

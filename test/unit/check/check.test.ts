import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkLivepatch, type CheckReport } from '../../../src/check/check.js';
import { openRunningKernel, type KernelFiles, type NamedFile } from '../../../src/check/kernel.js';
import { readNeeds } from '../../../src/check/livepatch.js';
import { asUnusable } from '../../../src/check/unusable.js';
import { SHF, SHT, STB, STT } from '../../../src/engine/elf/constants.js';
import { writeElf } from '../../../src/engine/elf/write.js';
import { KlpError } from '../../../src/shared/errors.js';
import type { Manifest } from '../../../src/verify/package.js';
import { code, elf, rela, relocations, section, symbol } from '../../helpers/elf.js';
import { toyLivepatch, toyModinfo, type ToyLivepatch } from '../../helpers/toy-livepatch.js';
import { buildIdNote, toyKallsyms, toyNotes, toyVmlinux, type ToyKernel } from '../../helpers/toy-vmlinux.js';

const toy: ToyKernel = {
  machine: 62,
  vermagic: '6.12.0 SMP mod_unload ',
  buildId: '0a1b2c3d',
  functions: [
    { name: 'fixed' },
    { name: 'twin' },
    { name: 'deaf', traced: false },
    { name: 'twin' },
    { name: 'helper' },
  ],
  exports: [
    { name: 'klp_enable_patch', crc: 0x11 },
    { name: 'module_layout', crc: 0x22 },
    { name: 'spaced', crc: 0x33, namespace: 'TOY' },
  ],
};
const modinfo = [...toyModinfo, `klp_build_id=${toy.buildId}`, 'import_ns=TOY'];
const fitting: ToyLivepatch = {
  objects: [{ object: 'vmlinux', functions: [{ name: 'fixed' }, { name: 'twin', sympos: 2 }] }],
  klpSymbols: ['.klp.sym.vmlinux.helper,0', '.klp.sym.vmlinux.twin,1'],
  modinfo,
  imports: { klp_enable_patch: 0x11, module_layout: 0x22, spaced: 0x33 },
};
const configText =
  'CONFIG_MODULES=y\nCONFIG_KALLSYMS_ALL=y\nCONFIG_DYNAMIC_FTRACE=y\nCONFIG_LIVEPATCH=y\nCONFIG_MODULE_SIG=y\n';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-check-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

type Content = Partial<Record<Exclude<keyof KernelFiles, 'modules'>, string | Uint8Array>> & {
  modules?: Uint8Array[];
};

async function named(label: string, data: string | Uint8Array): Promise<NamedFile> {
  await writeFile(join(dir, label), data);
  return { path: join(dir, label), label };
}

async function check(livepatch: ToyLivepatch, files: Content, manifest?: Manifest): Promise<CheckReport> {
  const { modules = [], ...single } = files;
  const kernel: KernelFiles = {
    ...Object.fromEntries(
      await Promise.all(
        Object.entries(single).map(async ([key, data]) => [key, await named(key, data)] as const),
      ),
    ),
    modules: await Promise.all(modules.map((data, i) => named(`module-${i}.ko`, data))),
  };
  const needs = readNeeds(writeElf(toyLivepatch(livepatch)), 'livepatch.ko', manifest);
  return checkLivepatch(needs, await openRunningKernel(kernel, needs));
}

/** Names of the parts that do not fit, and of those that were not looked at. */
function parts({ checks }: CheckReport): { failed: string[]; open: string[] } {
  const named = (required: boolean): string[] =>
    checks.filter((c) => !c.ok && c.required === required).map((c) => c.name);
  return { failed: named(true), open: named(false) };
}

function errors({ findings }: CheckReport): string[] {
  return findings.filter((f) => f.severity === 'error').map((f) => f.code);
}

const moduleBuildId = '4d4d4d4d';

/** A module with these functions, the last of which ftrace cannot enter. */
function toyModule(
  name: string,
  functions: string[],
  { vermagic = toy.vermagic, buildId = moduleBuildId } = {},
): Uint8Array {
  const text = { ...code(), size: 256, data: new Uint8Array(256) };
  const mcount = section('__mcount_loc', SHF.ALLOC, functions.length * 8);
  const info = section('.modinfo', SHF.ALLOC, 0);
  info.data = Buffer.from(`name=${name}\0vermagic=${vermagic}\0`);
  info.size = info.data.length;
  const note = { ...section('.note.gnu.build-id', SHF.ALLOC), type: SHT.NOTE, data: buildIdNote(buildId) };
  note.size = note.data.length;
  const start = symbol('', { place: text, type: STT.SECTION, binding: STB.LOCAL });
  const symbols = functions.map((f, i) =>
    symbol(f, { place: text, type: STT.FUNC, value: BigInt(16 * i), size: 16n, binding: STB.LOCAL }),
  );
  const entries = functions.slice(0, -1).map((_, i) => rela(i * 8, start, BigInt(16 * i + 4), 1));
  return writeElf(
    elf(
      [text, mcount, info, ...(buildId === '' ? [] : [note]), relocations(mcount, entries)],
      [start, ...symbols],
    ),
  );
}

const vmlinux = toyVmlinux(toy);

describe('a livepatch and the kernel that it was made for', () => {
  it('fit by every file', async () => {
    const report = await check(fitting, {
      vmlinux,
      kallsyms: toyKallsyms(toy),
      config: configText,
      notes: toyNotes(toy),
      symvers:
        '0x11\tklp_enable_patch\tvmlinux\tE\t\n0x22\tmodule_layout\tvmlinux\tE\t\n0x33\tspaced\tvmlinux\tE\tTOY\n',
      filterFunctions: 'fixed\ntwin\ntwin\nhelper\n',
    });
    expect(report.findings).toEqual([]);
    expect(report.status).toBe('ok');
    expect(parts(report)).toEqual({ failed: [], open: [] });
    expect(report.kernel).toEqual({ release: '6.12.0', arch: 'x86_64', buildId: toy.buildId });
    expect(report.symbols).toMatchObject([
      { object: 'vmlinux', name: 'helper', sympos: 0 },
      {
        object: 'vmlinux',
        name: 'twin',
        sympos: 1,
        proof: expect.stringContaining('number 1 of 2') as string,
      },
    ]);
  });

  it('fit on the machine itself, where the same build proves what its lists do not tell', async () => {
    const kallsyms = toyKallsyms(toy, { hidden: true });
    const report = await check(fitting, { kallsyms, notes: toyNotes(toy), config: gzipSync(configText) });
    expect(report.status).toBe('ok');
    expect(parts(report)).toEqual({ failed: [], open: [] });
  });

  it('fit by vmlinux; what it does not tell is said to be open', async () => {
    const report = await check(fitting, { vmlinux });
    expect(parts(report)).toEqual({ failed: [], open: ['configuration'] });
    expect(report.findings).toMatchObject([{ code: 'fit-not-checked', severity: 'warning' }]);
  });
});

describe('what does not fit', () => {
  const other = (change: Partial<ToyKernel>): Uint8Array => toyVmlinux({ ...toy, ...change });
  const functions = (...names: string[]): Partial<ToyKernel> => ({
    functions: names.map((name) => ({ name })),
  });

  it.each<{
    what: string;
    files?: Content;
    livepatch?: Partial<ToyLivepatch>;
    codes: string[];
    failed: string[];
  }>([
    {
      what: 'another architecture, of which nothing else is compared',
      files: { vmlinux: other({ machine: 183, vermagic: 'x', functions: [] }) },
      codes: ['kernel-arch-differs'],
      failed: ['architecture'],
    },
    {
      what: 'another build, for which equal names are not proved',
      files: { vmlinux: other({ buildId: 'ffff' }) },
      codes: ['kernel-build-differs', 'symbol-position-unproved', 'symbol-position-unproved'],
      failed: ['build id', 'functions', 'symbols'],
    },
    {
      what: 'another release',
      files: { vmlinux: other({ vermagic: '6.12.1 SMP mod_unload ' }) },
      codes: ['vermagic-differs'],
      failed: ['version magic'],
    },
    {
      what: 'a kernel without livepatching',
      files: { config: configText.replace('LIVEPATCH=y', 'X=y') },
      codes: ['kernel-without-livepatch'],
      failed: ['configuration'],
    },
    {
      what: 'a kernel that wants signatures',
      files: { config: `${configText}CONFIG_MODULE_SIG_FORCE=y\n` },
      codes: ['module-unsigned'],
      failed: ['configuration'],
    },
    {
      what: 'a function that is not there',
      files: { vmlinux: other(functions('twin', 'twin', 'helper')) },
      codes: ['symbol-not-in-kernel'],
      failed: ['functions'],
    },
    {
      what: 'a symbol that has got a namesake, and one that has lost it',
      files: { vmlinux: other(functions('fixed', 'fixed', 'helper', 'twin')) },
      codes: ['symbol-position-differs', 'symbol-position-differs'],
      failed: ['functions'],
    },
    {
      what: 'a function without an ftrace entry',
      livepatch: { objects: [{ object: 'vmlinux', functions: [{ name: 'deaf' }] }] },
      codes: ['not-traceable'],
      failed: ['ftrace'],
    },
    {
      what: 'a function that the list of the running kernel lacks',
      files: { filterFunctions: 'twin\ntwin\n' },
      codes: ['not-traceable'],
      failed: ['ftrace'],
    },
    {
      what: 'a missing export',
      files: { vmlinux: other({ exports: toy.exports.slice(0, 2) }) },
      codes: ['export-missing'],
      failed: ['exports'],
    },
    {
      what: 'other checksums, that of struct module as well',
      files: { vmlinux: other({ exports: toy.exports.map((e) => ({ ...e, crc: e.crc + 1 })) }) },
      codes: ['export-version-differs', 'export-version-differs', 'export-version-differs'],
      failed: ['exports'],
    },
    {
      what: 'a module without checksums for a kernel with them',
      livepatch: { imports: { klp_enable_patch: undefined } },
      codes: ['export-version-differs'],
      failed: ['exports'],
    },
    {
      what: 'a namespace that is not imported',
      livepatch: { modinfo: modinfo.filter((line) => !line.startsWith('import_ns')) },
      codes: ['export-namespace-missing'],
      failed: ['exports'],
    },
    {
      what: 'a Module.symvers that tells otherwise than vmlinux',
      files: { symvers: '0x11\tklp_enable_patch\tvmlinux\tE\t\n0x22\tmodule_layout\tvmlinux\tE\t\n' },
      codes: ['export-missing'],
      failed: ['exports'],
    },
    {
      what: 'a Module.symvers of a kernel without checksums',
      files: {
        symvers: '0x00000000\tklp_enable_patch\tvmlinux\tE\t\n0x00000000\tspaced\tvmlinux\tE\tTOY\n',
      },
      codes: ['export-version-differs'],
      failed: ['exports'],
    },
    {
      what: 'kallsyms of another kernel than vmlinux',
      files: { kallsyms: toyKallsyms({ ...toy, ...functions('helper', 'twin', 'twin') }) },
      codes: ['symbol-not-in-kernel'],
      failed: ['functions'],
    },
    {
      what: 'kallsyms with more symbols of a name than vmlinux',
      files: { kallsyms: toyKallsyms({ ...toy, ...functions('fixed', 'twin', 'twin', 'twin', 'helper') }) },
      codes: ['symbol-position-differs', 'symbol-position-differs'],
      failed: ['functions', 'symbols'],
    },
    {
      what: 'the notes of another kernel than vmlinux',
      files: { notes: toyNotes({ ...toy, buildId: '99' }) },
      codes: ['kernel-build-differs', 'symbol-position-unproved', 'symbol-position-unproved'],
      failed: ['build id', 'functions', 'symbols'],
    },
  ])('$what', async ({ files, livepatch, codes, failed }) => {
    const report = await check({ ...fitting, ...livepatch }, { vmlinux, ...files });
    expect(report.status).toBe('refused');
    expect(errors(report)).toEqual(codes);
    expect(parts(report).failed).toEqual(failed);
  });

  it('is reported all at once', async () => {
    const report = await check(fitting, {
      vmlinux: other({ buildId: 'ff', vermagic: 'other ', ...functions('nothing'), exports: [] }),
      config: 'CONFIG_MODULES=y\n',
    });
    expect(parts(report).failed).toEqual([
      'build id',
      'version magic',
      'configuration',
      'functions',
      'symbols',
      'exports',
    ]);
  });
});

describe('a Module.symvers without checksums', () => {
  const symvers = '0x00000000\tklp_enable_patch\tvmlinux\tE\t\n0x00000000\tspaced\tvmlinux\tE\tTOY\n';

  it('is not said to have been compared with those of the livepatch', async () => {
    const report = await check(fitting, { symvers });
    const row = report.checks.find(({ name }) => name === 'exports');
    expect(row?.detail).toMatch(/^0 of 3 exported as needed.*not checked: checksums of 3 exported symbols/);
    expect(report.findings[0]?.message).toContain('CONFIG_MODVERSIONS');
  });

  it('fits a livepatch that has none either', async () => {
    const imports = { klp_enable_patch: undefined, spaced: undefined };
    const report = await check({ ...fitting, imports }, { symvers });
    expect(errors(report)).toEqual([]);
    expect(report.checks.find(({ name }) => name === 'exports')).toMatchObject({ ok: true });
  });
});

describe('a kernel that wants signatures', () => {
  it('is not said to trust the key of a signed livepatch', async () => {
    const config = `${configText}CONFIG_MODULE_SIG_FORCE=y\n`;
    const kernel: KernelFiles = {
      vmlinux: await named('vmlinux', vmlinux),
      config: await named('config', config),
      modules: [],
    };
    const mark = Buffer.from('~Module signature appended~\n');
    const needs = readNeeds(Buffer.concat([writeElf(toyLivepatch(fitting)), mark]), 'livepatch.ko');
    const report = checkLivepatch(needs, await openRunningKernel(kernel, needs));
    expect(report.status).toBe('ok');
    expect(parts(report).open).toEqual(['configuration']);
  });
});

describe('the configuration that the package names', () => {
  it('is compared with that of the kernel', async () => {
    const of = (configSha256: string): Manifest => ({ kernel: { configSha256 } });
    const files = { vmlinux, config: configText };
    expect(errors(await check(fitting, files, of('00')))).toEqual(['kernel-config-differs']);
  });
});

describe('a livepatch that does not say which build it is for', () => {
  const silent = { ...fitting, modinfo: modinfo.filter((line) => !line.startsWith('klp_build_id')) };

  it('is refused for names that the kernel has several times, whose place could be another', async () => {
    const report = await check(silent, { vmlinux });
    expect(errors(report)).toEqual(['symbol-position-unproved', 'symbol-position-unproved']);
    expect(parts(report).open).toContain('build id');
  });

  it('takes the build from its package', async () => {
    const report = await check(silent, { vmlinux }, { kernel: { buildId: toy.buildId } });
    expect(report.status).toBe('ok');
  });

  it('is told that two files are of two kernels', async () => {
    const report = await check(silent, { vmlinux, notes: toyNotes({ ...toy, buildId: '99' }) });
    expect(errors(report)).toContain('kernel-build-differs');
  });
});

describe('kallsyms alone, with nothing that tells the build', () => {
  it('leaves all open that it does not tell', async () => {
    const plain = {
      ...fitting,
      klpSymbols: [],
      objects: [{ object: 'vmlinux', functions: [{ name: 'fixed' }] }],
    };
    const report = await check(plain, { kallsyms: toyKallsyms(toy) });
    expect(report.status).toBe('ok');
    expect(parts(report).open).toEqual([
      'architecture',
      'build id',
      'version magic',
      'configuration',
      'ftrace',
      'exports',
    ]);
  });
});

describe('a livepatch of a module', () => {
  const ofModule: ToyLivepatch = {
    ...fitting,
    objects: [{ object: 'toy_mod', functions: [{ name: 'mod_f' }] }],
    klpSymbols: ['.klp.sym.toy_mod.mod_data,2'],
    modinfo: [...modinfo, `klp_module_build_id=toy_mod:${moduleBuildId}`],
  };
  const silent: ToyLivepatch = { ...ofModule, modinfo };
  const names = ['mod_f', 'mod_data', 'mod_data', 'mod_deaf'];

  it('is compared with the .ko', async () => {
    const report = await check(ofModule, { vmlinux, modules: [toyModule('toy_mod', names)] });
    expect(report.status).toBe('ok');
    expect(parts(report).open).toEqual(['configuration']);
  });

  it('is refused for another build of the module, in which a name that occurs twice may be another', async () => {
    const modules = [toyModule('toy_mod', names, { buildId: '00000000' })];
    const report = await check(ofModule, { vmlinux, modules });
    expect(errors(report)).toEqual(['module-build-differs', 'symbol-position-unproved']);
    expect(parts(report).failed).toEqual(['modules', 'symbols']);
  });

  it('is compared with the kernel in which the module is loaded, of whose build that tells nothing', async () => {
    const kallsyms = toyKallsyms(toy, { modules: { toy_mod: names } });
    const filterFunctions = 'fixed\nmod_f [toy_mod]\n';
    const once = { ...ofModule, klpSymbols: [] };
    const report = await check(once, { vmlinux, kallsyms, filterFunctions });
    expect(report.status).toBe('ok');
    expect(parts(report).open).toEqual(['modules', 'configuration']);
    const twice = await check(ofModule, { vmlinux, kallsyms, filterFunctions });
    expect(errors(twice)).toEqual(['symbol-position-unproved']);
  });

  it('is not said to fit a module that no file tells of', async () => {
    const report = await check(ofModule, { vmlinux, kallsyms: toyKallsyms(toy) });
    expect(parts(report).open).toEqual(['modules', 'configuration', 'functions', 'ftrace', 'symbols']);
  });

  it.each([
    { what: 'it does not say which build it was made for', livepatch: silent, buildId: moduleBuildId },
    { what: 'the file has no build id', livepatch: { ...ofModule, klpSymbols: [] }, buildId: '' },
  ])('is not said to fit the build of the module when $what', async ({ livepatch, buildId }) => {
    const report = await check(livepatch, { vmlinux, modules: [toyModule('toy_mod', names, { buildId })] });
    expect(report.status).toBe('ok');
    expect(parts(report).open).toEqual(['modules', 'configuration']);
  });

  it.each([
    { what: 'not in it', functions: names.slice(1), codes: ['symbol-not-in-kernel'] },
    { what: 'not traceable', functions: ['mod_data', 'mod_data', 'mod_f'], codes: ['not-traceable'] },
    { what: 'not at that place', functions: ['mod_f', 'mod_data', 'x'], codes: ['symbol-position-differs'] },
  ])('is refused when a symbol is $what', async ({ functions, codes }) => {
    const report = await check(ofModule, { vmlinux, modules: [toyModule('toy_mod', functions)] });
    expect(errors(report)).toEqual(codes);
  });

  it('is refused when the module is of another kernel', async () => {
    const module = toyModule('toy_mod', names, { vermagic: '6.11.0 SMP mod_unload ' });
    expect(errors(await check(ofModule, { vmlinux, modules: [module] }))).toEqual(['vermagic-differs']);
  });
});

describe('of functions of one name', () => {
  it('a list that has some cannot tell which', async () => {
    const kallsyms = toyKallsyms(toy);
    const files = { kallsyms, notes: toyNotes({ ...toy, buildId: '77' }), filterFunctions: 'fixed\ntwin\n' };
    const report = await check({ ...fitting, modinfo: [...toyModinfo, 'klp_build_id=77'] }, files);
    expect(errors(report)).toEqual([]);
    // The same build proves it for vmlinux; without it, it stays open.
    expect(parts(report).open).not.toContain('ftrace');
    const without = await check(fitting, { kallsyms, filterFunctions: 'fixed\ntwin\n' });
    expect(parts(without).open).toContain('ftrace');
  });
});

describe('files that cannot be used', () => {
  it.each<{ what: string; files: Content }>([
    { what: 'a vmlinux that is none', files: { vmlinux: 'MZ'.repeat(200) } },
    { what: 'a module in place of vmlinux', files: { vmlinux: toyModule('m', ['f']) } },
    { what: 'vmlinux in place of a module', files: { modules: [vmlinux] } },
    { what: 'a configuration without options', files: { config: 'x\n' } },
    { what: 'a damaged config.gz', files: { config: gzipSync(configText).subarray(0, 30) } },
    { what: 'notes without a build id', files: { notes: new Uint8Array(64) } },
    { what: 'symvers of nothing', files: { symvers: 'x\n' } },
    { what: 'an empty list of functions', files: { filterFunctions: '' } },
    { what: 'a list of other things', files: { filterFunctions: 'a b c d\n' } },
  ])('$what', async ({ files }) => {
    const code = await check(fitting, { kallsyms: toyKallsyms(toy), ...files }).then(
      () => 'taken',
      (error: unknown) => {
        const known = asUnusable(error);
        return known instanceof KlpError ? known.code : String(error);
      },
    );
    expect(code).toBe('kernel-file-unusable');
  });

  it('a livepatch with names that a terminal would obey', () => {
    const odd = { ...fitting, imports: { 'x\u001b[2J': 1 } };
    expect(() => readNeeds(writeElf(toyLivepatch(odd)), 'x.ko')).toThrow(
      expect.objectContaining({ code: 'package-unusable' }) as Error,
    );
  });

  it('never end otherwise than by saying so, whatever byte is changed', async () => {
    const good = Buffer.from(writeElf(toyLivepatch(fitting)));
    const kernel = await named('v', vmlinux);
    const outcomes = new Set<string>();
    const outcome = async (bytes: Uint8Array, image?: Uint8Array): Promise<void> => {
      try {
        if (image !== undefined) await writeFile(kernel.path, image);
        const needs = readNeeds(bytes, 'x.ko');
        const report = checkLivepatch(
          needs,
          await openRunningKernel({ vmlinux: kernel, modules: [] }, needs),
        );
        outcomes.add(report.status);
      } catch (error) {
        const known = asUnusable(error);
        outcomes.add(known instanceof KlpError ? known.code : String(error));
      }
    };
    const changed = (bytes: Uint8Array, at: number, value: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    for (let at = 0; at < good.length; at += 3) await outcome(changed(good, at, at % 2 === 0 ? 0xff : 0x00));
    for (let at = 0; at < vmlinux.length; at += 7)
      await outcome(good, changed(vmlinux, at, at % 2 === 0 ? 0xff : 0x00));
    for (let length = 0; length < vmlinux.length; length += 97)
      await outcome(good, vmlinux.subarray(0, length));
    expect([...outcomes].sort()).toEqual(['kernel-file-unusable', 'ok', 'package-unusable', 'refused']);
  });
});

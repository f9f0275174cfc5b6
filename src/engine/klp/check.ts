import { KlpError } from '../../shared/errors.js';
import type { ModuleBuild } from '../../shared/result.js';
import { SHF, SHN, SHT, STB } from '../elf/constants.js';
import type { ElfFile, ElfSection } from '../elf/model.js';
import { pointsTo, sectionNamed } from '../elf/query.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import type { KlpFunc } from '../types.js';
import { readWhileLoading } from './special-sections.js';

export interface Expected {
  /** The version magic of the kernel's own modules. */
  vermagic: string;
  /** The module's name. */
  module: string;
  funcs: readonly KlpFunc[];
  /** For each patched object: the modules that are there whenever it is, itself among them. */
  loadedWith: ReadonlyMap<string, ReadonlySet<string>>;
  exports: ReadonlyMap<string, ExportedSymbol>;
  /** Whether the kernel compares checksums of exported symbols (CONFIG_MODVERSIONS). */
  versions: boolean;
}

/**
 * Looks at the finished module as the kernel's loader will, and reports everything that it would refuse.
 * @throws module-check-failed with one line for each problem
 */
export function checkModule(ko: ElfFile, expected: Expected): void {
  const problems = [
    ...informationProblems(ko, expected),
    ...symbolProblems(ko, expected),
    ...ko.sections.flatMap((s) => klpSectionProblems(s, expected.loadedWith)),
    ...functionProblems(ko, expected),
  ];
  if (problems.length === 0) return;
  throw new KlpError('module-check-failed', `${expected.module}: ${problems[0] ?? ''}`, {
    object: expected.module,
    output: problems.join('\n'),
  });
}

function informationProblems(ko: ElfFile, expected: Expected): string[] {
  const info = modinfo(ko);
  const wanted: [string, (values: string[]) => boolean][] = [
    ['name', (v) => v.length === 1 && v[0] === expected.module],
    ['livepatch', (v) => v.length === 1 && v[0] === 'Y'],
    ['license', (v) => v.length > 0 && v.every((license) => license === 'GPL')],
    ['vermagic', (v) => v.length === 1 && v[0] === expected.vermagic],
  ];
  return wanted.flatMap(([key, holds]) => {
    const values = info.get(key) ?? [];
    return holds(values) ? [] : [`modinfo has ${key}=${values.join(',') || '(nothing)'}`];
  });
}

/** The entries of a module's .modinfo, each key with its values. */
export function modinfo(ko: ElfFile): Map<string, string[]> {
  return parseModinfo(sectionNamed(ko, '.modinfo')?.data ?? new Uint8Array(0));
}

/** The entries of a .modinfo section, each key with its values. */
export function parseModinfo(bytes: Uint8Array): Map<string, string[]> {
  const text = Buffer.from(bytes).toString('latin1');
  const info = new Map<string, string[]>();
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=');
    if (at <= 0) continue;
    const key = entry.slice(0, at);
    info.set(key, [...(info.get(key) ?? []), entry.slice(at + 1)]);
  }
  return info;
}

/** The builds of modules that a livepatch was made for, as its modinfo names them; see `wrapperSource`. */
export function moduleBuilds(info: ReadonlyMap<string, string[]>): ModuleBuild[] {
  return (info.get('klp_module_build_id') ?? []).flatMap((text) => {
    const [, name, buildId] = /^(\w+):([0-9a-f]+)$/.exec(text) ?? [];
    return name === undefined || buildId === undefined ? [] : [{ name, buildId }];
  });
}

/** Each undefined symbol must be one that vmlinux exports to this module, with its checksum. */
function symbolProblems(ko: ElfFile, expected: Expected): string[] {
  const versions = expected.versions ? versionTable(ko) : undefined;
  const namespaces = modinfo(ko).get('import_ns') ?? [];
  return ko.symbols.flatMap((symbol) => {
    const { name } = symbol;
    if (symbol.place === SHN.LIVEPATCH) {
      return /^\.klp\.sym\.[^.]{1,55}\.[^,]{1,511},\d+$/.test(name)
        ? []
        : [`${name} is not a livepatch symbol's name`];
    }
    if (symbol.place !== SHN.UNDEF || name === '') return [];
    const exported = expected.exports.get(name);
    if (exported?.module !== 'vmlinux') {
      return symbol.binding === STB.WEAK && exported === undefined
        ? []
        : [`${name} is not exported by vmlinux`];
    }
    const problems: string[] = [];
    if (exported.namespace !== undefined && !namespaces.includes(exported.namespace)) {
      problems.push(`${name} needs the namespace ${exported.namespace}`);
    }
    // Symbols of assembly code may have none (modpost: "has no CRC"); the loader then does not compare.
    if (versions !== undefined && exported.crc !== 0 && versions.get(name) !== exported.crc) {
      problems.push(`${name} has no or another checksum`);
    }
    return problems;
  });
}

/**
 * The checksums of exported symbols that a module was built with, by name.
 * `__versions`: entries of 64 bytes, a checksum in a long and a name (struct modversion_info); names that do not fit are
 * in `__version_ext_crcs` and `__version_ext_names` since Linux 6.14.
 */
export function versionTable(ko: ElfFile): Map<string, number> {
  const table = new Map<string, number>();
  const { data } = sectionNamed(ko, '__versions') ?? { data: new Uint8Array(0) };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at + 64 <= data.length; at += 64) {
    const name = Buffer.from(data.subarray(at + 8, at + 64))
      .toString('latin1')
      .replace(/\0.*$/s, '');
    table.set(name, view.getUint32(at, true));
  }
  const crcs = sectionNamed(ko, '__version_ext_crcs')?.data ?? new Uint8Array(0);
  const extended = new DataView(crcs.buffer, crcs.byteOffset, crcs.byteLength);
  const names = Buffer.from(sectionNamed(ko, '__version_ext_names')?.data ?? [])
    .toString('latin1')
    .split('\0');
  for (let i = 0; i * 4 + 4 <= crcs.length; i++) table.set(names[i] ?? '', extended.getUint32(i * 4, true));
  return table;
}

function klpSectionProblems(section: ElfSection, loadedWith: Expected['loadedWith']): string[] {
  const { name, relocation, flags } = section;
  const problems: string[] = [];
  if (!name.startsWith('.klp.rela.')) {
    const loaded = relocation !== undefined && (relocation.target.flags & SHF.ALLOC) !== 0;
    const strays = loaded ? relocation.entries.filter((e) => e.symbol?.place === SHN.LIVEPATCH) : [];
    return strays.map((e) => `${name} has a livepatch relocation against ${e.symbol?.name ?? ''}`);
  }
  const match = /^\.klp\.rela\.([^.]{1,55})\.(.+)$/.exec(name);
  const [, objname = '', target = ''] = match ?? [];
  if (match === null || relocation === undefined || section.type !== SHT.RELA)
    return [`${name} is malformed`];
  if (relocation.target.name !== target) problems.push(`${name} applies to ${relocation.target.name}`);
  const needed = SHF.ALLOC | SHF.RELA_LIVEPATCH;
  if ((flags & needed) !== needed) problems.push(`${name} lacks the flags of a livepatch section`);
  // Those of vmlinux the kernel applies in any case, those of a module when it loads one that the livepatch patches.
  const loaded = objname === 'vmlinux' ? new Set([objname]) : loadedWith.get(objname);
  if (loaded === undefined) problems.push(`${name} belongs to an object that the livepatch does not patch`);
  if (objname !== 'vmlinux' && readWhileLoading(target))
    problems.push(`${name} comes too late for ${target}`);
  for (const { symbol } of relocation.entries) {
    if (symbol?.place !== SHN.LIVEPATCH) problems.push(`${name} refers to ${symbol?.name ?? 'nothing'}`);
    else {
      const [, holder = ''] = /^\.klp\.sym\.([^.]+)\./.exec(symbol.name) ?? [];
      if (loaded?.has(holder) === false) problems.push(`${name} refers to ${symbol.name} of ${holder}`);
    }
  }
  return problems;
}

/** Each new function must be there, in code, and be what the tables of the wrapper point at. */
function functionProblems(ko: ElfFile, expected: Expected): string[] {
  const referred = new Set(
    ko.sections.flatMap((s) =>
      s.relocation === undefined || (s.relocation.target.flags & SHF.EXECINSTR) !== 0
        ? []
        : s.relocation.entries.map((e) => e.symbol?.name ?? '').filter((n) => n !== ''),
    ),
  );
  return expected.funcs.flatMap(({ newName }) => {
    const symbol = ko.symbols.find((s) => s.name === newName && s.place !== SHN.UNDEF);
    const place = symbol === undefined ? undefined : pointsTo({ offset: 0, type: 0, symbol, addend: 0n });
    if (place === undefined) return [`${newName} is not in the module`];
    if ((place.section.flags & SHF.EXECINSTR) === 0) return [`${newName} is not code`];
    return referred.has(newName) ? [] : [`no table refers to ${newName}`];
  });
}

import { basename } from 'node:path';
import { SHN, STB } from '../engine/elf/constants.js';
import type { ElfFile } from '../engine/elf/model.js';
import { readElf } from '../engine/elf/read.js';
import { modinfo, moduleBuilds, versionTable } from '../engine/klp/check.js';
import { KlpError } from '../shared/errors.js';
import type { Manifest } from '../verify/package.js';
import { readKlpTables } from './klp-tables.js';
import type { LivepatchNeeds, NeededExport, NeededSymbol } from './types.js';

/** What scripts/sign-file ends a signed module with. */
const signatureMark = '~Module signature appended~\n';

/**
 * Reads what a finished livepatch asks of its kernel.
 * @param bytes its .ko
 * @param path for messages
 * @param manifest what its package says of it
 * @throws KlpError `package-unusable`
 */
export function readNeeds(bytes: Uint8Array, path: string, manifest: Manifest = {}): LivepatchNeeds {
  const damaged = (why: string, cause?: unknown): KlpError =>
    new KlpError('package-unusable', `${path}: the module is damaged (${why})`, { file: path, cause });
  let ko: ElfFile;
  try {
    ko = readElf(bytes, basename(path));
  } catch (cause) {
    if (cause instanceof KlpError && cause.code === 'elf-malformed') throw damaged(cause.message, cause);
    throw cause;
  }
  const info = modinfo(ko);
  const first = (key: string): string | undefined => info.get(key)?.[0];
  const versions = versionTable(ko);
  const buildId = first('klp_build_id') ?? manifest.kernel?.buildId;
  const configSha256 = manifest.kernel?.configSha256;
  const needs: LivepatchNeeds = {
    name: first('name') ?? '',
    machine: ko.machine,
    vermagic: first('vermagic') ?? '',
    ...(buildId === undefined ? {} : { buildId }),
    ...(configSha256 === undefined ? {} : { configSha256 }),
    modules: moduleBuilds(info),
    functions: readKlpTables(ko),
    symbols: klpSymbols(ko, damaged),
    exports: neededExports(ko, versions),
    versions: versions.size > 0,
    namespaces: info.get('import_ns') ?? [],
    depends: (first('depends') ?? '').split(',').filter(Boolean),
    signed: Buffer.from(bytes.subarray(-signatureMark.length)).toString('latin1') === signatureMark,
  };
  const odd = textsOf(needs).find((text) => !/^[\x20-\x7e]*$/.test(text));
  if (odd !== undefined) throw damaged(`${JSON.stringify(odd.slice(0, 80))} cannot be a name`);
  return needs;
}

/** Names that are compared with the kernel's and shown; none may hold control characters. */
function textsOf(needs: LivepatchNeeds): string[] {
  const functions = needs.functions.ok ? needs.functions.list : [];
  return [
    needs.vermagic,
    needs.buildId ?? '',
    ...needs.namespaces,
    ...needs.depends,
    ...needs.exports.map((e) => e.name),
    ...[...functions, ...needs.symbols].flatMap((s) => [s.object, s.name]),
  ];
}

function klpSymbols(ko: ElfFile, damaged: (why: string) => KlpError): NeededSymbol[] {
  return ko.symbols.flatMap((symbol) => {
    if (symbol.place !== SHN.LIVEPATCH) return [];
    // Documentation/livepatch/module-elf-format.rst
    const match = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),(\d{1,9})$/.exec(symbol.name);
    if (match === null) throw damaged(`${JSON.stringify(symbol.name.slice(0, 80))} is no livepatch symbol`);
    const [, object = '', name = '', sympos = ''] = match;
    return [{ object, name, sympos: Number(sympos) }];
  });
}

function neededExports(ko: ElfFile, versions: ReadonlyMap<string, number>): NeededExport[] {
  const crcOf = (name: string): { crc?: number } => {
    const crc = versions.get(name);
    return crc === undefined ? {} : { crc };
  };
  const needed = ko.symbols
    .filter((s) => s.place === SHN.UNDEF && s.name !== '')
    .map((s) => ({ name: s.name, weak: s.binding === STB.WEAK, ...crcOf(s.name) }));
  // The loader compares this one for every module (check_modstruct_version); it is not used as a symbol.
  const layout = 'module_layout';
  return versions.has(layout) ? [...needed, { name: layout, weak: true, ...crcOf(layout) }] : needed;
}

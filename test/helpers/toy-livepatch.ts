import { SHF, SHN, STB, STT } from '../../src/engine/elf/constants.js';
import type { ElfFile, ElfRela, ElfSection, ElfSymbol } from '../../src/engine/elf/model.js';
import { elf, rela, relocations, section, symbol } from './elf.js';

export interface ToyLivepatch {
  /** What it patches; `callbacks` adds a pre-patch callback to the object. */
  objects: { object: string; callbacks?: boolean; functions: { name: string; sympos?: number }[] }[];
  /** Full names of its klp symbols. */
  klpSymbols?: string[];
  modinfo?: string[];
  /** Undefined symbols with their checksums; undefined: none. */
  imports?: Record<string, number | undefined>;
  machine?: number;
  /** Sizes of struct klp_object and struct klp_func in this kernel's configuration. */
  sizes?: { object: number; function: number };
}

export const toyModinfo = [
  'name=livepatch_toy',
  'livepatch=Y',
  'license=GPL',
  'vermagic=6.12.0 SMP mod_unload ',
  'depends=',
];

/** A livepatch module whose tables are as a compiler lays them out. */
export function toyLivepatch(toy: ToyLivepatch): ElfFile {
  const sizes = toy.sizes ?? { object: 168, function: 152 };
  const strings = stringSection('.rodata.str1.1');
  const text = section('.text', SHF.ALLOC | SHF.EXECINSTR);
  const data = section('.data', SHF.ALLOC | SHF.WRITE, 0);
  const own = section('.gnu.linkonce.this_module', SHF.ALLOC | SHF.WRITE, 64);
  const thisModule = symbol('__this_module', { place: own, type: STT.OBJECT, size: 64n });
  const newCode = symbol('new_code', { place: text, type: STT.FUNC, size: 16n });
  const local = (place: ElfSection): ElfSymbol =>
    symbol('', { place, type: STT.SECTION, binding: STB.LOCAL });
  const dataStart = local(data);
  const stringStart = local(strings.section);
  const entries: ElfRela[] = [];
  const tables: ElfSymbol[] = [];
  let end = 0;
  const array = (name: string, size: number): number => {
    const at = end;
    const place = {
      place: data,
      type: STT.OBJECT,
      binding: STB.LOCAL,
      value: BigInt(at),
      size: BigInt(size),
    };
    tables.push(symbol(name, place));
    end += size;
    return at;
  };
  const text8 = (at: number, value: string): number =>
    entries.push(rela(at, stringStart, BigInt(strings.add(value)), 1));
  const positions: [number, number][] = [];

  const patch = array('klp_patch', 200);
  const objects = array('klp_objects', sizes.object * (toy.objects.length + 1));
  entries.push(rela(patch, thisModule, 0n, 1), rela(patch + 8, dataStart, BigInt(objects), 1));
  toy.objects.forEach(({ object, functions, callbacks }, i) => {
    const at = objects + i * sizes.object;
    const table = array(`klp_funcs_${i}`, sizes.function * (functions.length + 1));
    if (object !== 'vmlinux') text8(at, object);
    entries.push(rela(at + 8, dataStart, BigInt(table), 1));
    if (callbacks === true) entries.push(rela(at + 16, newCode, 0n, 1));
    functions.forEach(({ name, sympos = 0 }, j) => {
      text8(table + j * sizes.function, name);
      entries.push(rela(table + j * sizes.function + 8, newCode, 0n, 1));
      positions.push([table + j * sizes.function + 16, sympos]);
    });
  });
  data.data = Buffer.alloc(end);
  data.size = end;
  for (const [at, sympos] of positions) (data.data as Buffer).writeBigUInt64LE(BigInt(sympos), at);

  const imports = Object.entries(toy.imports ?? {});
  const versions = section('__versions', SHF.ALLOC, 0);
  versions.data = Buffer.concat(
    imports.flatMap(([name, crc]) => (crc === undefined ? [] : [version(name, crc)])),
  );
  versions.size = versions.data.length;
  const info = section('.modinfo', SHF.ALLOC, 0);
  info.data = Buffer.from((toy.modinfo ?? toyModinfo).map((line) => `${line}\0`).join(''));
  info.size = info.data.length;
  strings.finish();
  const undefinedNames = imports.map(([name]) => name).filter((name) => name !== 'module_layout');
  const file = elf(
    [text, data, strings.section, own, info, versions, relocations(data, entries)],
    [
      dataStart,
      stringStart,
      ...tables,
      thisModule,
      newCode,
      ...undefinedNames.map((name) => symbol(name)),
      ...(toy.klpSymbols ?? []).map((name) => symbol(name, { place: SHN.LIVEPATCH })),
    ],
  );
  return { ...file, machine: toy.machine ?? file.machine };
}

function version(name: string, crc: number): Buffer {
  const entry = Buffer.alloc(64);
  entry.writeUInt32LE(crc, 0);
  entry.write(name, 8, 'latin1');
  return entry;
}

function stringSection(name: string): {
  section: ElfSection;
  add: (text: string) => number;
  finish: () => void;
} {
  const strings = section(name, SHF.ALLOC | SHF.MERGE | SHF.STRINGS, 0);
  const parts: Buffer[] = [];
  return {
    section: strings,
    add: (text) => {
      const at = parts.reduce((sum, part) => sum + part.length, 0);
      parts.push(Buffer.from(`${text}\0`));
      return at;
    },
    finish: () => {
      strings.data = Buffer.concat(parts);
      strings.size = strings.data.length;
    },
  };
}

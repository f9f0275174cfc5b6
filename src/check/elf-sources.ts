import { SHN } from '../engine/elf/constants.js';
import { malformed, viewOf } from '../engine/elf/header.js';
import type { ArchData } from '../shared/catalog.js';
import { openFtraceEntries } from '../engine/kernel/ftrace.js';
import type { KernelObject } from '../engine/kernel/kernel-object.js';
import { isDefined, lazily, type FileSymbol, type SymbolFile } from '../engine/kernel/symbol-file.js';
import { parseModinfo } from '../engine/klp/check.js';
import { countedPlace } from './kallsyms-file.js';
import type { Exported, ExportSource, Found, NeededSymbol, SymbolSource, TraceSource } from './types.js';

/** The symbols of vmlinux or of a .ko, as the kernel will count them. */
export function symbolsOf(object: KernelObject): SymbolSource {
  return { label: object.file.label, find: (needed) => find(object, needed) };
}

function find(object: KernelObject, { name, sympos }: NeededSymbol): Found {
  const { label } = object.file;
  const symbols = object.file.named(name).filter((s) => s.section !== SHN.UNDEF);
  let of = 0;
  let doubt: string | undefined;
  let match: FileSymbol | undefined;
  for (const symbol of symbols) {
    const position = object.position(symbol);
    if (!position.ok) {
      if (!position.missing) doubt = position.why;
      continue;
    }
    of = position.of;
    // The kernel also finds the only one of its name as number 1.
    if (position.sympos === sympos || (position.of === 1 && sympos === 1)) match = symbol;
  }
  if (doubt !== undefined) return { ok: false, code: 'symbol-position-unproved', why: doubt };
  const counted = countedPlace(of, name, sympos, label);
  return counted.ok && match !== undefined ? { ...counted, symbol: match } : counted;
}

/**
 * Where ftrace can enter functions, by the table in the file.
 * @param arch the architecture of the file
 */
export function tracesOf(object: KernelObject, arch: ArchData): TraceSource {
  const { file } = object;
  const entries = lazily(() => openFtraceEntries(arch, file, file));
  return {
    label: file.label,
    traceable: (needed) => {
      const found = find(object, needed);
      if (!found.ok || found.symbol === undefined) return undefined;
      const { symbol } = found;
      return entries()(symbol, () => symbol);
    },
  };
}

/** What vmlinux or a .ko exports: `__ksymtab_X`, `__crc_X` and `__kstrtabns_X` (include/linux/export-internal.h). */
export function exportsOf(object: KernelObject): ExportSource {
  const { file, objname } = object;
  const defined = (name: string): FileSymbol | undefined => file.named(name).find(isDefined);
  return {
    label: file.label,
    covers: objname,
    find: (name): Exported | undefined => {
      if (defined(`__ksymtab_${name}`) === undefined) return undefined;
      const crc = defined(`__crc_${name}`);
      const namespace = defined(`__kstrtabns_${name}`);
      return {
        from: objname,
        crc: crc === undefined ? 0 : viewOf(contentOf(file, crc, 4)).getUint32(0, true),
        namespace: namespace === undefined ? '' : textOf(file, namespace),
      };
    },
  };
}

/** What modinfo says of a module, each key's first value; nothing for vmlinux, which has none of its own. */
export function moduleInfo(file: SymbolFile, key: string): string | undefined {
  const section = file.header.sections.find((s) => s.name === '.modinfo');
  return section === undefined ? undefined : parseModinfo(file.bytes(section)).get(key)?.[0];
}

/** The version magic that vmlinux compares a module's with (kernel/module/main.c). */
export function vermagicOf(vmlinux: SymbolFile): string | undefined {
  const symbol = vmlinux.named('vermagic').find(isDefined);
  return symbol === undefined ? undefined : textOf(vmlinux, symbol);
}

const maxTextBytes = 512;

/** The NUL-terminated text at a symbol. */
function textOf(file: SymbolFile, symbol: FileSymbol): string {
  const bytes = Buffer.from(contentOf(file, symbol, 0, maxTextBytes));
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? undefined : end);
}

/** At least `least` and at most `most` bytes at a symbol, from the section that it is in. @throws elf-malformed */
function contentOf(file: SymbolFile, symbol: FileSymbol, least: number, most = least): Uint8Array {
  const section = file.header.sections[symbol.section];
  if (section === undefined) return file.atAddress(symbol.value, least);
  const offset = Number(symbol.value - section.addr);
  const bytes = file.bytes(section, offset, Math.max(Math.min(most, section.size - offset), least));
  if (bytes.length < least) throw malformed(file.label, `${section.name} has no content`);
  return bytes;
}

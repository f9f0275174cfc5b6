import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelTree, TranslationUnit } from '../types.js';

/** One line of Module.symvers: who exports a symbol, and under which conditions. */
export interface ExportedSymbol {
  /** Checksum of its type; 0 without CONFIG_MODVERSIONS. */
  crc: number;
  /** `vmlinux`, or the path of the exporting module without `.ko`, relative to the tree. */
  module: string;
  namespace?: string;
}

/**
 * Reads Module.symvers of a kernel tree.
 * @throws kernel-symbols-missing
 */
export function readSymvers(tree: KernelTree): Map<string, ExportedSymbol> {
  const path = join(tree.dir, 'Module.symvers');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KlpError('kernel-symbols-missing', `${path} cannot be read`, { file: path, cause });
  }
  return parseSymvers(text);
}

/** The exports that the text of a Module.symvers lists, by name. */
export function parseSymvers(text: string): Map<string, ExportedSymbol> {
  const symbols = new Map<string, ExportedSymbol>();
  for (const line of text.split('\n')) {
    const [crc, name, module, , namespace] = line.split('\t');
    if (crc === undefined || name === undefined || module === undefined) continue;
    symbols.set(name, { crc: Number(crc), module, ...(namespace ? { namespace } : {}) });
  }
  return symbols;
}

/** The name of a module as the kernel knows it, from its path. */
export function moduleNameOf(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1).replace(/\.k?o$/, '');
  return base.replaceAll('-', '_');
}

/** Does the object that a unit is part of export `name`? */
export function isExportOf(
  exports: ReadonlyMap<string, ExportedSymbol>,
  unit: TranslationUnit,
  name: string,
): boolean {
  const exporter = exports.get(name)?.module;
  return exporter !== undefined && exporter === (unit.module?.replace(/\.ko$/, '') ?? 'vmlinux');
}

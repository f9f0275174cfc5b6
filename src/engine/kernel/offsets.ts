import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { archData } from '../../shared/catalog.js';
import type { KernelTree, TranslationUnit } from '../types.js';
import { cmdPathOf, parseCmdFile, recordedCompilation } from './cmd.js';
import { sourcePaths } from './units.js';

/**
 * The files that a kernel build compiles to assembly text only, to take constants from it for generated headers
 * (sizes and offsets in structures, used by assembly code and modpost). Kbuild's top folder lists most of them in `Kbuild`.
 */
function offsetFiles(tree: KernelTree): string[] {
  return [
    'kernel/bounds.s',
    'kernel/sched/rq-offsets.s',
    'scripts/mod/devicetable-offsets.s',
    ...archData(tree.arch).offsetFiles,
  ];
}

/** Those of them that read one of the given files. `object` is the assembly text, `compile` ends at it (-S). */
export async function offsetUnits(tree: KernelTree, paths: readonly string[]): Promise<TranslationUnit[]> {
  const toSourcePath = sourcePaths(tree);
  const units: TranslationUnit[] = [];
  for (const object of offsetFiles(tree)) {
    const record = cmdPathOf(object);
    const text = await readFile(join(tree.dir, record), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const cmd = parseCmdFile(record, text);
    const dependencies = [cmd.source ?? '', ...cmd.dependencies].map(toSourcePath);
    if (!paths.some((path) => dependencies.includes(path))) continue;
    const { compile } = recordedCompilation(cmd);
    units.push({
      source: dependencies[0] ?? '',
      object,
      objname: 'vmlinux',
      compile,
      cwd: tree.dir,
      dependencies,
    });
  }
  return units;
}

import type { KernelObject } from './kernel-object.js';
import { moduleNameOf, type ExportedSymbol } from './symvers.js';

/**
 * Names of the modules that are loaded whenever this one is, as modinfo tells them.
 * @param modules opens a module by its path
 * @param path the module's, relative to the build tree
 */
export function readDependencies(
  modules: (path: string) => KernelObject,
  exports: () => ReadonlyMap<string, ExportedSymbol>,
  path: string,
): Set<string> {
  const paths = new Map([...exports().values()].map((e) => [moduleNameOf(e.module), `${e.module}.ko`]));
  const found = new Set<string>();
  const visit = (module: string): void => {
    const { file } = modules(module);
    const modinfo = file.header.sections.find((s) => s.name === '.modinfo');
    const text = modinfo === undefined ? '' : Buffer.from(file.bytes(modinfo)).toString('latin1');
    const list = text.split('\0').find((line) => line.startsWith('depends='));
    for (const name of (list ?? '').slice('depends='.length).split(',')) {
      const kernelName = name.replaceAll('-', '_');
      const next = paths.get(kernelName);
      if (next === undefined || found.has(kernelName)) continue;
      found.add(kernelName);
      visit(next);
    }
  };
  visit(path);
  return found;
}

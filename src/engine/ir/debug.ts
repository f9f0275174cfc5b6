import { field } from './debug-nodes.js';
import type { IrFunction, IrModule } from './module.js';

/** What line tables tell of a module's functions; nothing here takes part in a comparison. */
export interface DebugInfo {
  /** Where the function is defined in the source. */
  place(f: IrFunction): { file: string; line: number } | undefined;
  /** Names of the functions whose code was inlined into this one. */
  inlined(f: IrFunction): Set<string>;
}

/** Reads DISubprogram, DILocation and DIFile nodes (LLVM Language Reference, "Specialized Metadata Nodes"). */
export function debugInfo(module: IrModule): DebugInfo {
  const node = (id: string | undefined): string => (id === undefined ? '' : (module.metadata.get(id) ?? ''));
  const subprograms = new Map<string, string>();

  /** The subprogram that a scope lies in, by walking up lexical blocks. */
  const subprogramOf = (scope: string | undefined): string | undefined => {
    if (scope === undefined) return undefined;
    const known = subprograms.get(scope);
    if (known !== undefined) return known;
    const text = node(scope);
    const name = text.includes('!DISubprogram(') ? field(text, 'name') : subprogramOf(field(text, 'scope'));
    if (name !== undefined) subprograms.set(scope, name);
    return name;
  };

  return {
    place(f) {
      const text = node(/ !dbg (!\d+)/.exec(f.head)?.[1]);
      const line = Number(field(text, 'line'));
      const file = field(node(field(text, 'file')), 'filename');
      return file !== undefined && line > 0 ? { file: file.replace(/^\.\//, ''), line } : undefined;
    },
    inlined(f) {
      const found = new Set<string>();
      const seen = new Set<string>();
      for (const [, id] of f.body.matchAll(/!dbg (!\d+)/g)) {
        let location = id;
        while (location !== undefined && !seen.has(location)) {
          seen.add(location);
          const text = node(location);
          const next = field(text, 'inlinedAt');
          const name = next === undefined ? undefined : subprogramOf(field(text, 'scope'));
          if (name !== undefined) found.add(name);
          location = next;
        }
      }
      return found;
    },
  };
}

import type { AnalysedUnit } from './analyse.js';
import { debugInfo } from './ir/debug.js';
import { touchedDefinitions } from './patch/touched.js';
import type { KlpFunc, PatchedFile } from './types.js';
import type { PatchedFunction } from '../shared/result.js';

/**
 * Why each function is in the livepatch: the patch changes it, it is new, the compiler inlined a changed function into
 * it, or it refers to something that changed. For people; nothing is decided by it.
 */
export function explainFunctions(
  analysed: AnalysedUnit,
  funcs: readonly KlpFunc[],
  files: readonly PatchedFile[],
): PatchedFunction[] {
  const { unit, original, patched, diff } = analysed;
  const touched = new Set(files.flatMap((f) => touchedDefinitions(f).map((t) => t.name)));
  const [before, after] = [debugInfo(original), debugInfo(patched)];
  const isTouched = (name: string): boolean =>
    touched.has(name) || touched.has(name.replace(/^__(?:se|do|x64|arm64)_/, ''));
  const result: PatchedFunction[] = [];
  const names = [
    ...diff.changed,
    ...[...diff.added].filter((n) => patched.globals.get(n)?.kind === 'function'),
  ];
  for (const name of names) {
    const f = patched.globals.get(name);
    if (f?.kind !== 'function') continue;
    const originalName = diff.originalOf.get(name) ?? name;
    const old = original.globals.get(originalName);
    const inlined = new Set([...after.inlined(f), ...(old?.kind === 'function' ? before.inlined(old) : [])]);
    const because = [...inlined].filter((n) => n !== name && isTouched(n)).sort();
    const reads = diff.readsChanged.get(name) ?? [];
    const entry = funcs.find((k) => k.oldName === originalName);
    const why =
      diff.added.has(name) && !diff.originalOf.has(name)
        ? 'new'
        : isTouched(name)
          ? 'changed'
          : because.length > 0
            ? 'inlines'
            : 'references';
    const place = after.place(f);
    result.push({
      object: unit.objname,
      name: originalName,
      sympos: entry?.sympos ?? 0,
      why,
      because: why === 'inlines' || why === 'changed' ? because : why === 'references' ? reads : [],
      source: { file: place?.file ?? unit.source, ...(place ? { line: place.line } : {}) },
    });
  }
  return result;
}

import type { ArchData } from '../shared/catalog.js';
import type { AnalysedUnit } from './analyse.js';
import { debugInfo } from './ir/debug.js';
import { filesOf, touchedDefinitions } from './patch/touched.js';
import type { KlpFunc, PatchedFile, TranslationUnit } from './types.js';
import type { PatchedFunction } from '../shared/result.js';

/** What the functions of a system call `sys_x` have before its name on every architecture (linux/syscalls.h). */
const wrapperPrefixes = ['__se_', '__do_'];

/**
 * Why each function is in the livepatch: the patch changes it, it is new, the compiler inlined a changed function into
 * it, or it refers to something that changed. For people; nothing is decided by it.
 */
export function explainFunctions(
  analysed: AnalysedUnit,
  funcs: readonly KlpFunc[],
  files: readonly PatchedFile[],
  { syscallPrefixes }: Pick<ArchData, 'syscallPrefixes'>,
): PatchedFunction[] {
  const { unit, original, patched, diff } = analysed;
  const touched = new Set(files.flatMap((f) => touchedDefinitions(f).map((t) => t.name)));
  const [before, after] = [debugInfo(original), debugInfo(patched)];
  const prefixes = ['', ...wrapperPrefixes, ...syscallPrefixes];
  const isTouched = (name: string): boolean =>
    prefixes.some((prefix) => name.startsWith(prefix) && touched.has(name.slice(prefix.length)));
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
    const referred = reads.length > 0 ? reads : touchedBy(unit, files);
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
      because: why === 'inlines' || why === 'changed' ? because : why === 'references' ? referred : [],
      source: { file: place?.file ?? unit.source, ...(place ? { line: place.line } : {}) },
    });
  }
  return result;
}

/**
 * What the patch changes of the files that a unit reads: macros, of which the compiler's output knows nothing; else
 * other definitions; else the places of the changes.
 */
function touchedBy(unit: TranslationUnit, files: readonly PatchedFile[]): string[] {
  const read = filesOf(unit, files);
  const touched = read.flatMap((f) => touchedDefinitions(f));
  const macros = touched.filter((t) => t.macro);
  const names = (macros.length > 0 ? macros : touched).map((t) => t.name);
  if (names.length > 0) return [...new Set(names)].sort();
  // A file that the patch adds is not among those that the kernel's own build has read.
  return (read.length > 0 ? read : files).map((f) => `${f.path}:${f.changed[0]?.from ?? 1}`);
}

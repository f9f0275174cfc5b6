import { KlpError } from '../../shared/errors.js';
import type { ModuleDiff } from '../diff/diff.js';
import { isAnonymous, isBookkeeping } from '../ir/instrumentation.js';
import type { IrGlobal, IrModule } from '../ir/module.js';
import type { TranslationUnit } from '../types.js';
import { codeOf, type Listing } from './listing.js';

/** One version of a unit in both views. */
export interface Viewed {
  module: IrModule;
  listing: Listing;
}

/**
 * Compares the generated code of both versions, name by name, and holds it against what the comparison of their IR found.
 * What the IR calls changed and is the same code to the byte is no change: a value range that the compiler no longer
 * knows, say, and nothing made use of. With it in place the running kernel is what the patched file compiles to. The reverse
 * must not be, for then one of the two comparisons is wrong.
 * @returns `diff` without what is no change, and the names of that
 * @throws KlpError `comparisons-disagree`
 */
export function agree(
  unit: TranslationUnit,
  original: Viewed,
  patched: Viewed,
  diff: ModuleDiff,
): { diff: ModuleDiff; same: string[] } {
  const same = new Set<string>();
  for (const after of patched.module.globals.values()) {
    const name = diff.originalOf.get(after.name) ?? after.name;
    const before = original.module.globals.get(name);
    if (!isGenerated(after) || !before || !isGenerated(before) || before.local !== after.local) continue;
    // What is new has no counterpart, whatever its name.
    if (diff.added.has(after.name) || diff.addedData.has(after.name)) continue;
    const mine = codeOf(patched.listing, assemblyName(after.name), (n) =>
      originalName(patched.module, diff, n),
    );
    const theirs = codeOf(original.listing, assemblyName(name), (n) => n);
    if (mine === undefined || theirs === undefined) {
      throw new KlpError('internal', `the listing of ${unit.source} does not define ${after.name}`);
    }
    const changes = after.kind === 'function' ? diff.changed : diff.changedData;
    if (mine === theirs) {
      if (!isRetyped(before, after) && changes.has(after.name)) same.add(after.name);
    } else if (!changes.has(after.name)) {
      throw new KlpError(
        'comparisons-disagree',
        `the code of ${after.name} differs with the patch, but not its IR: ${firstDifference(theirs, mine)}`,
        { file: unit.source, object: unit.object, function: after.name },
      );
    }
  }
  const without = (names: ReadonlySet<string>): Set<string> =>
    new Set([...names].filter((n) => !same.has(n)));
  const left = { changed: without(diff.changed), changedData: without(diff.changedData) };
  return { diff: { ...diff, ...left }, same: [...same] };
}

/** A variable of another type whose content starts with the same bytes: what it holds by now was written as the old type. */
function isRetyped(before: IrGlobal, after: IrGlobal): boolean {
  return (
    before.kind === 'variable' && after.kind === 'variable' && !after.constant && before.type !== after.type
  );
}

/** Is code or data generated for it, under its own name? */
function isGenerated(g: IrGlobal): boolean {
  return (
    g.kind !== 'alias' &&
    !g.declared &&
    g.linkage !== 'available_externally' &&
    !isBookkeeping(g) &&
    g.section !== 'llvm.metadata' &&
    !isAnonymous(g)
  );
}

/** A name that the source gave by `asm("name")` is marked in IR. */
function assemblyName(name: string): string {
  return name.replace(/^\\01/, '');
}

/** How the original calls what the patched module calls `name`. */
function originalName(module: IrModule, diff: ModuleDiff, name: string): string {
  const original = diff.originalOf.get(name);
  if (original !== undefined) return assemblyName(original);
  return module.globals.get(name)?.local ? `(new ${name})` : name;
}

function firstDifference(original: string, patched: string): string {
  const [before, after] = [original.split('\n'), patched.split('\n')];
  const at = before.findIndex((line, i) => line !== after[i]);
  return `"${before[at] ?? '(end)'}" is "${after[at] ?? '(end)'}"`.replaceAll('\t', ' ');
}

import { baseName } from '../ir/canonical.js';
import type { IrFunction, IrGlobal, IrModule } from '../ir/module.js';
import { compareData, followChangedConstants } from './data.js';
import { compareAssembly, type AssemblyDiff } from './file-asm.js';
import { bind, correspondence, defined, sameFunction, sameInterface, type Correspondence } from './match.js';
import { changedOnce } from './once.js';
import { lookAlikes, replacedState } from './renamed.js';

/**
 * How the patched module of one translation unit differs from the original. Names are the patched module's. Two stages
 * make another of it: `agree` leaves out what compiles to the same code, before anything is judged; `carryUntraceable`
 * has the callers replaced where a function itself cannot be, once all is judged that the patch does.
 */
export interface ModuleDiff {
  /** Functions that exist in both and whose code differs. */
  changed: ReadonlySet<string>;
  /** Functions that only the patched module defines. */
  added: ReadonlySet<string>;
  /** Functions that only the original module defines (original names). */
  removed: ReadonlySet<string>;
  /** Patched local name -> original local name, for what was proved to be the same function or variable. */
  originalOf: ReadonlyMap<string, string>;
  /** Variables in both that are `static` in the original alone. */
  opened: ReadonlySet<string>;
  /** Variables in both whose initial content, type or attributes differ. */
  changedData: ReadonlySet<string>;
  /** Variables only in the patched module. */
  addedData: ReadonlySet<string>;
  /** Variables only in the original module (original names). */
  removedData: ReadonlySet<string>;
  /** Patched local variables with several possible originals and no evidence which. */
  ambiguous: ReadonlySet<string>;
  /** New variables with state, each with one of the same type and content that is gone: it may have been renamed. */
  lookAlikes: ReadonlyMap<string, string>;
  /** New variables with state, each with one that is gone and in whose place a changed function uses it. */
  replaced: ReadonlyMap<string, string>;
  /** Per changed function: constants whose content changed and which it reads. */
  readsChanged: ReadonlyMap<string, readonly string[]>;
  /** Changed functions that do something else once (DO_ONCE) than the running kernel has done under the same flag. */
  changedOnce: ReadonlySet<string>;
  /** Lines of file-level assembly that were added, removed or moved. */
  asm: AssemblyDiff;
  /** Aliases that were added, removed or point elsewhere. */
  aliases: readonly string[];
}

/** A copy that the optimiser made of a static function for some of its callers; its name says nothing about for whom. */
const clone = /\.(?:specialized|argelim|argprom|retelim|constprop|llvm)\b|\.\d+$/;

/**
 * Compares the two modules of a translation unit, both optimised, neither with debug information that matters.
 * Everything that reaches code generation is compared; what could not be proved equal counts as changed.
 */
export function diffModules(original: IrModule, patched: IrModule): ModuleDiff {
  const c = correspondence(original, patched);
  const before = defined(original, 'function');
  const after = defined(patched, 'function');
  const changed = compareFunctions(c, before, after);
  if (settings(original) !== settings(patched)) {
    for (const name of after.keys()) if (isPaired(c, before, after, name)) changed.add(name);
  }
  const data = compareData(c);
  // Extends `data` and `changed`, on which all that is below rests.
  const readsChanged = followChangedConstants(c, data, changed, after);

  return {
    changed,
    added: new Set([...after.keys()].filter((n) => !isPaired(c, before, after, n))),
    removed: new Set(
      [...before].filter(([n, f]) => (f.local ? !c.forward.has(n) : !after.has(n))).map(([n]) => n),
    ),
    originalOf: c.backward,
    opened: new Set([...c.backward.keys()].filter((name) => isOpened(patched.globals.get(name)))),
    ...data,
    lookAlikes: lookAlikes(c, data.addedData, data.removedData),
    replaced: replacedState(c, data.addedData, data.removedData, pairsOf(c, changed)),
    readsChanged,
    changedOnce: changedOnce(c, changed),
    asm: compareAssembly(original.asm, patched.asm),
    aliases: compareAliases(c),
  };
}

/** What code generation is told once for all functions: the target, and the module's flags. */
function settings({ header, named, metadata }: IrModule): string {
  const flags = named.get('!llvm.module.flags')?.match(/!\d+/g) ?? [];
  const target = header.filter((line) => line.startsWith('target '));
  return [...target, ...flags.map((id) => metadata.get(id) ?? '?').sort()].join('\n');
}

/** Changed functions, each with its original name. */
function pairsOf(c: Correspondence, changed: ReadonlySet<string>): Map<string, string> {
  return new Map([...changed].map((name) => [name, c.backward.get(name) ?? name]));
}

/** A global that was bound was local before. */
function isOpened(g: IrGlobal | undefined): boolean {
  return g?.kind === 'variable' && !g.local;
}

function isPaired(
  c: Correspondence,
  before: Map<string, IrFunction>,
  after: Map<string, IrFunction>,
  name: string,
): boolean {
  return c.backward.has(name) || (after.get(name)?.local === false && before.get(name)?.local === false);
}

/** Pairs the functions of both modules and returns those pairs (patched names) whose code differs. */
function compareFunctions(
  c: Correspondence,
  before: Map<string, IrFunction>,
  after: Map<string, IrFunction>,
): Set<string> {
  const changed = new Set<string>();
  // A static function's own name is unique in a file, so it is the same function; a clone's name proves nothing.
  for (const [name, a] of before) {
    const b = after.get(name);
    if (b && a.local && b.local && !clone.test(name)) bind(c, name, name);
  }
  const pairs: [IrFunction, IrFunction][] = [];
  for (const [name, a] of before) {
    const b = after.get(a.local ? (c.forward.get(name) ?? '') : name);
    if (b && a.local === b.local) pairs.push([a, b]);
    const moved = after.get(name);
    if (moved && moved.local !== a.local && !clone.test(name)) {
      // `static` came or went: the same function, and every caller's symbol for it differs.
      bind(c, name, name);
      changed.add(name);
    }
  }
  pairClones(c, before, after);
  for (const [a, b] of pairs) if (!sameFunction(c, a, b)) changed.add(b.name);
  return changed;
}

/** Pairs the clones that are equal; one clone may call another, so until no further pair is found. */
function pairClones(
  c: Correspondence,
  before: Map<string, IrFunction>,
  after: Map<string, IrFunction>,
): void {
  const clonesIn = (all: Map<string, IrFunction>): IrFunction[] =>
    [...all.values()].filter((f) => f.local && clone.test(f.name));
  const later = clonesIn(after);
  let open = clonesIn(before);
  for (let found = true; found;) {
    const left = open.filter((a) => {
      const twin = later.find(
        (b) => !c.backward.has(b.name) && baseName(a.name) === baseName(b.name) && sameFunction(c, a, b),
      );
      if (twin) bind(c, a.name, twin.name);
      return !twin;
    });
    found = left.length < open.length;
    open = left;
  }
}

function compareAliases(c: Correspondence): string[] {
  const before = defined(c.original.module, 'alias');
  const after = defined(c.patched.module, 'alias');
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((n) => {
    const [a, b] = [before.get(n), after.get(n)];
    return !a || !b || !sameInterface(c, a, b);
  });
}

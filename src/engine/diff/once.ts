import { baseName } from '../ir/canonical.js';
import { isAnonymous } from '../ir/instrumentation.js';
import type { IrFunction, IrModule, IrVariable } from '../ir/module.js';
import { globalsIn } from '../ir/text.js';
import { bind, type Correspondence, type Side } from './match.js';

/**
 * Statics that macros make and that nothing but their use tells apart: flags of what happens once, keys of lock classes,
 * limits of message rates. Of these alone the use is the identity; a static that a person named may be used otherwise
 * after the patch.
 */
const knownByUse = /\.(?:___done|___once_key|__already_done|__warned|__print_once|_rs|__key)(?:\.\d+)*$/;

/** What a function does once: the code from the test of the flag until the flag is set (include/linux/once.h). */
const once =
  /^.*@__do_once\w*_start\((?:ptr|i8\*) [^@\n]*@("[^"]+"|[-\w$.]+)[^]*?^.*@__do_once\w*_done\([^@\n]*@\1[,)\s].*$/gm;

/** One place where a function does something once. */
interface Once {
  flag: string;
  /** The code, told without counters and names of locals. */
  code: string;
}

function onceIn(side: Side, f: IrFunction): Once[] {
  return [...f.body.matchAll(once)].map(([text, flag = '']) => ({
    flag: flag.replaceAll('"', ''),
    code: told(side, text),
  }));
}

/** Instructions without what the compiler counts: numbers of locals, and of statics that differ in numbers alone. */
function told(side: Side, text: string): string {
  const { text: canonical, refs } = side.canonical.piece(text);
  const names = refs.map((name) => {
    const g = side.module.globals.get(name);
    return g?.kind === 'variable' && isAnonymous(g) ? side.canonical.initialiser(g).text : baseName(name);
  });
  return [canonical.replace(/%[-\w$.]+/g, '%').replace(/^[-\w$.]+:\s*$/gm, ':'), ...names].join('\0');
}

/** How a function uses each variable of `names`: the instructions, and what is done once under it. */
function uses(side: Side, f: IrFunction, names: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string[]>();
  const note = (name: string, use: string): void => void found.set(name, [...(found.get(name) ?? []), use]);
  for (const line of f.body.split('\n')) {
    for (const name of new Set(globalsIn(line))) if (names.has(name)) note(name, told(side, line));
  }
  for (const [text] of f.body.matchAll(once)) {
    for (const name of new Set(globalsIn(text))) if (names.has(name)) note(name, told(side, text));
  }
  return new Map([...found].map(([name, list]) => [name, list.join('\n')]));
}

/**
 * Binds statics of macros that name, type and content do not tell apart, where one use on both sides does.
 * @param ambiguous patched names; those that were bound are taken out
 */
export function bindByUse(
  c: Correspondence,
  before: ReadonlyMap<string, IrFunction>,
  after: ReadonlyMap<string, IrFunction>,
  ambiguous: Set<string>,
): void {
  const names = new Set([...ambiguous].filter((name) => knownByUse.test(name)));
  const functions = [...after.values()].filter((f) => globalsIn(f.body).some((name) => names.has(name)));
  for (const f of functions) {
    const old = before.get(f.local ? (c.backward.get(f.name) ?? '') : f.name);
    if (!old) continue;
    const later = uses(c.patched, f, names);
    const bases = new Set([...later.keys()].map(baseName));
    const earlier = uses(c.original, old, freeOf(c, bases));
    for (const [name, use] of later) {
      const is = ([, other]: [string, string]): boolean => other === use;
      const [twin, second] = [...earlier].filter(is);
      if (!twin || second || [...later].filter(is).length !== 1) continue;
      const [original] = twin;
      if (baseName(original) !== baseName(name) || c.forward.has(original)) continue;
      bind(c, original, name);
      ambiguous.delete(name);
    }
    // The only ones that are left of a name, whatever they are used for now.
    for (const base of bases) {
      const left = [...earlier.keys()].filter((name) => baseName(name) === base && !c.forward.has(name));
      const now = [...later.keys()].filter((name) => baseName(name) === base && !c.backward.has(name));
      const [original, name] = [left[0], now[0]];
      if (left.length !== 1 || now.length !== 1 || original === undefined || name === undefined) continue;
      bind(c, original, name);
      ambiguous.delete(name);
    }
  }
}

/** Statics of the original, of these base names, that nothing stands for yet. */
function freeOf(c: Correspondence, bases: ReadonlySet<string>): Set<string> {
  const isFree = (g: IrVariable): boolean => g.local && bases.has(baseName(g.name)) && !c.forward.has(g.name);
  return new Set(
    [...c.original.module.globals.values()].flatMap((g) =>
      g.kind === 'variable' && isFree(g) ? [g.name] : [],
    ),
  );
}

/**
 * Changed functions that do something else once than before, under a flag of the running kernel: it may be set, and then
 * the new code would never run.
 * @param changed patched names
 */
export function changedOnce(c: Correspondence, changed: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  const allOf = (side: Side): Map<string, { f: string; code: string }> =>
    new Map(
      functionsOf(side.module).flatMap((f) =>
        onceIn(side, f).map(({ flag, code }) => [flag, { f: f.name, code }] as const),
      ),
    );
  const isThere = [...changed].some((name) => {
    const f = c.patched.module.globals.get(name);
    return f?.kind === 'function' && f.body.includes('@__do_once');
  });
  if (!isThere) return found;
  const before = allOf(c.original);
  for (const [flag, { f, code }] of allOf(c.patched)) {
    const old = before.get(c.backward.get(flag) ?? '');
    if (old && changed.has(f) && old.code !== code) found.add(f);
  }
  return found;
}

function functionsOf(module: IrModule): IrFunction[] {
  return [...module.globals.values()].filter((g) => g.kind === 'function');
}

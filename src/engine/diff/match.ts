import { baseName, canonicaliser, type Canonical, type Canonicaliser } from '../ir/canonical.js';
import { isAnonymous, isBookkeeping } from '../ir/instrumentation.js';
import type { IrFunction, IrGlobal, IrModule, IrVariable } from '../ir/module.js';

/** One side of a comparison. */
export interface Side {
  module: IrModule;
  canonical: Canonicaliser;
}

/** Which global of the patched module stands for which of the original; names are per module. */
export interface Correspondence {
  original: Side;
  patched: Side;
  /** Original local name -> patched local name, and back. External names stand for themselves. */
  forward: Map<string, string>;
  backward: Map<string, string>;
}

export function correspondence(original: IrModule, patched: IrModule): Correspondence {
  const c: Correspondence = {
    original: { module: original, canonical: canonicaliser(original) },
    patched: { module: patched, canonical: canonicaliser(patched) },
    forward: new Map(),
    backward: new Map(),
  };
  // A variable of the file is the same one when `static` comes or goes: no two of a file have one name.
  for (const [name, b] of patched.globals) {
    const a = original.globals.get(name);
    if (a?.kind !== 'variable' || b.kind !== 'variable' || a.declared || b.declared) continue;
    if (a.local !== b.local && !isAnonymous(a) && !isAnonymous(b)) bind(c, name, name);
  }
  return c;
}

/** What follows if what is being compared turns out to refer to the same things. */
interface Trial {
  /** Bindings that hold then. */
  bound: Map<string, string>;
  /** Does code that refers to them rely on the same? Data holds their addresses and relies on nothing more. */
  sameInterfaces: boolean;
}

const newTrial = (): Trial => ({ bound: new Map(), sameInterfaces: true });

export function bind(c: Correspondence, original: string, patched: string): void {
  c.forward.set(original, patched);
  c.backward.set(patched, original);
}

/** Sections of records about one place in the code that prints: they belong to the module whose code that is. */
export const printRecords = /^(?:__dyndbg|\.printk_index)/;

/** The type of a text, also with the margin that KASAN puts behind it. */
const text = /^(?:\[\d+ x i8\]|\{ \[\d+ x i8\], \[\d+ x i8\] \})$/;

/** A function's own constant text (`static const char msg[] = "…"`): it is there to be read, wherever it stands. */
export function isLocalText(v: IrVariable): boolean {
  const ofFunction = baseName(v.name).includes('.');
  return v.local && v.constant && v.section === undefined && ofFunction && text.test(v.type);
}

/** Does the canonical text agree, and does each reference stand for the same thing? Extends `trial`. */
function sameText(c: Correspondence, a: Canonical, b: Canonical, trial: Trial): boolean {
  return (
    a.text === b.text &&
    a.refs.length === b.refs.length &&
    a.refs.every((ref, i) => sameReference(c, ref, b.refs[i] ?? '', trial))
  );
}

/** May `b` in the patched module stand for `a` of the original? Its content is compared elsewhere. */
function sameReference(c: Correspondence, a: string, b: string, trial: Trial): boolean {
  const ga = c.original.module.globals.get(a);
  const gb = c.patched.module.globals.get(b);
  if (!ga || !gb || ga.kind !== gb.kind) return false;
  if (ga.kind === 'variable' && gb.kind === 'variable' && (isAnonymous(ga) || isAnonymous(gb))) {
    return (
      isAnonymous(ga) === isAnonymous(gb) &&
      c.original.canonical.shape(ga) === c.patched.canonical.shape(gb) &&
      sameText(c, c.original.canonical.initialiser(ga), c.patched.canonical.initialiser(gb), trial)
    );
  }
  // A caller's code also rests on what the compiler found out of its callee (the range of its result, say).
  const isSame = sameInterface(c, ga, gb);
  trial.sameInterfaces &&= isSame;
  if (ga.local !== gb.local) return c.forward.get(a) === b;
  if (!ga.local) return a === b;
  const bound = trial.bound.get(a) ?? c.forward.get(a);
  if (bound !== undefined) return bound === b;
  // Functions are paired before anything refers to them; one that is not has no counterpart of the same code.
  if (ga.kind === 'function' || c.backward.has(b) || [...trial.bound.values()].includes(b)) return false;
  if (baseName(a) !== baseName(b) || !isSame) return false;
  trial.bound.set(a, b);
  return true;
}

/** What a user of a global relies on: a function's type and attributes, a variable's type and place. */
export function sameInterface(c: Correspondence, a: IrGlobal, b: IrGlobal): boolean {
  if (a.kind === 'function' && b.kind === 'function') {
    return c.original.canonical.interface(a) === c.patched.canonical.interface(b);
  }
  if (a.kind === 'variable' && b.kind === 'variable') {
    return c.original.canonical.shape(a) === c.patched.canonical.shape(b);
  }
  if (a.kind === 'alias' && b.kind === 'alias')
    return a.linkage === b.linkage && a.type === b.type && baseName(a.target) === baseName(b.target);
  return false;
}

/**
 * Do two functions generate the same code? What they refer to is bound if they refer to the same things, also if the code
 * may differ because of what is known of those.
 */
export function sameFunction(c: Correspondence, a: IrFunction, b: IrFunction): boolean {
  const trial = newTrial();
  const isAlike =
    sameText(c, c.original.canonical.head(a), c.patched.canonical.head(b), trial) &&
    sameText(c, c.original.canonical.body(a), c.patched.canonical.body(b), trial);
  if (isAlike) for (const [x, y] of trial.bound) bind(c, x, y);
  return isAlike && trial.sameInterfaces;
}

/** Do two variables start with the same content? On success what they point at is bound. */
export function sameVariable(c: Correspondence, a: IrVariable, b: IrVariable): boolean {
  const trial = newTrial();
  const isSame =
    a.declared === b.declared &&
    (a.local !== b.local || isMergeable(a) === isMergeable(b)) &&
    c.original.canonical.shape(a) === c.patched.canonical.shape(b) &&
    sameText(c, c.original.canonical.initialiser(a), c.patched.canonical.initialiser(b), trial);
  if (isSame) for (const [x, y] of trial.bound) bind(c, x, y);
  return isSame;
}

/** May the linker make it one with another constant of the same content? */
function isMergeable(v: IrVariable): boolean {
  return v.constant && /\bunnamed_addr\b/.test(v.before);
}

/** What a module itself defines of a kind, without what instrumentation keeps for itself. */
export function defined<T extends IrGlobal['kind']>(
  module: IrModule,
  kind: T,
): Map<string, Extract<IrGlobal, { kind: T }>> {
  const found = new Map<string, Extract<IrGlobal, { kind: T }>>();
  for (const [name, g] of module.globals) {
    if (g.kind === kind && !g.declared && g.linkage !== 'available_externally' && !isBookkeeping(g)) {
      found.set(name, g as Extract<IrGlobal, { kind: T }>);
    }
  }
  return found;
}

import { KlpError } from '../../shared/errors.js';
import type { ModuleDiff } from '../diff/diff.js';
import { isLocalText, printRecords } from '../diff/match.js';
import { isAnonymous, isBookkeeping } from '../ir/instrumentation.js';
import type { IrFunction, IrGlobal, IrModule, IrVariable } from '../ir/module.js';
import { addressesIn, globalsIn, labelOwnersIn } from '../ir/text.js';

/** A symbol of the running kernel that distilled code uses. */
export interface KernelReference {
  /** Name in the kernel's own object. */
  original: string;
  /** Local to the kernel's object, so that its position must be proved; external otherwise. */
  local: boolean;
}

/** What of a patched module goes into the livepatch, and what it takes from the running kernel. Patched names. */
export interface Selection {
  /** Changed functions: each replaces one of the running kernel. */
  entries: IrFunction[];
  /** Functions and data the livepatch brings along. */
  own: Map<string, IrFunction | IrVariable>;
  /** Used from the kernel, by patched name. */
  kernel: Map<string, KernelReference>;
  /** Patched functions whose address is taken: pointers must keep pointing at the original. */
  addressTaken: Map<string, KernelReference>;
  /** Own copies of data that exists in the kernel too, with the reason. */
  copies: { name: string; why: string }[];
}

/**
 * Statics made by macros whose instance may be fresh if it cannot be told which original it was: a message appears
 * once more. Those of DO_ONCE are not among them, for what ran once may be the seeding of a hash table in use.
 */
export const copyIfAmbiguous =
  /\.(?:__already_done|__warned|__print_once|_rs|__key|__func__|__func)(?:\.\d+)*$/;

/** A read-only table of plain values whose address nobody compares: like a string literal, a copy is as good. */
function isPlainTable(v: IrVariable): boolean {
  return (
    v.local &&
    v.constant &&
    v.section === undefined &&
    /\bunnamed_addr\b/.test(v.before) &&
    globalsIn(v.initialiser).length === 0
  );
}

/** Sections whose content the kernel frees after boot or never loads. */
export const transient = /^\.(?:init|exit|head|ref\.init|meminit|memexit)\b/;

/**
 * Decides what goes into the livepatch: the changed functions, what is new, constants by copy; everything else is
 * taken from the running kernel.
 * @throws KlpError `static-ambiguous` when a static variable's original cannot be told from another's.
 */
export function select(patched: IrModule, diff: ModuleDiff, file: string): Selection {
  const selection: Selection = {
    entries: [],
    own: new Map(),
    kernel: new Map(),
    addressTaken: new Map(),
    copies: [],
  };
  const work: (IrFunction | IrVariable)[] = [];
  const originalName = (g: IrGlobal): string => diff.originalOf.get(g.name) ?? g.name;
  // Calling a weak function means whichever definition the link chose, so only statics are this object's own. What is
  // static no more is so in the kernel.
  const reference = (g: IrGlobal): KernelReference => ({
    original: originalName(g),
    local: g.local || diff.originalOf.has(g.name),
  });

  const bring = (g: IrFunction | IrVariable): void => {
    if (selection.own.has(g.name)) return;
    selection.own.set(g.name, g);
    work.push(g);
  };

  for (const name of diff.changed) {
    const f = patched.globals.get(name);
    if (f?.kind === 'function') selection.entries.push(f);
  }
  // What is new and global may be for another object of the livepatch.
  for (const name of [...diff.added, ...diff.addedData]) {
    const g = patched.globals.get(name);
    if (g && g.kind !== 'alias' && !g.local) bring(g);
  }
  const isEntry = new Set(selection.entries.map((f) => f.name));
  work.push(...selection.entries);

  /** A table of labels of new code: the kernel's own table leads into the old code. */
  const holdsNewLabels = (v: IrVariable): boolean =>
    [...labelOwnersIn(v.initialiser)].some((f) => isEntry.has(f) || diff.added.has(f));

  const visitData = (v: IrVariable, from: string): void => {
    const known = v.declared || !v.local || diff.originalOf.has(v.name);
    if (isAnonymous(v) || isPlainTable(v) || holdsNewLabels(v)) bring(v);
    else if (v.section !== undefined && printRecords.test(v.section)) {
      bring(v);
      selection.copies.push({ name: v.name, why: 'the record belongs to the module whose code prints' });
    } else if (diff.addedData.has(v.name) && !diff.ambiguous.has(v.name)) bring(v);
    else if (known) selection.kernel.set(v.name, reference(v));
    else if (isLocalText(v)) bring(v);
    else if (copyIfAmbiguous.test(v.name)) {
      bring(v);
      selection.copies.push({
        name: v.name,
        why: 'it could not be told which original instance it was; a fresh one is harmless',
      });
    } else {
      throw new KlpError(
        'static-ambiguous',
        `${from} uses the static variable ${v.name}, and the original file has several that it could be`,
        { file, function: from },
      );
    }
  };

  for (let item = work.pop(); item; item = work.pop()) {
    const text =
      item.kind === 'function' ? item.head.slice(item.head.indexOf('@') + 1) + item.body : item.initialiser;
    const addresses = addressesIn(item.kind === 'function' ? item.body : item.initialiser);
    for (const name of new Set(globalsIn(text))) {
      const g = patched.globals.get(name);
      if (!g || isBookkeeping(g) || name === item.name) {
        if (g && name === item.name && isEntry.has(name) && addresses.has(name))
          selection.addressTaken.set(name, reference(g));
        continue;
      }
      if (g.kind === 'variable') visitData(g, item.name);
      else if (g.kind === 'alias') selection.kernel.set(name, reference(g));
      else if (isEntry.has(name)) {
        if (addresses.has(name)) selection.addressTaken.set(name, reference(g));
      } else if (diff.added.has(name) && g.linkage !== 'available_externally') bring(g);
      else selection.kernel.set(name, reference(g));
    }
  }
  return selection;
}

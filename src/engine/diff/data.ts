import { baseName } from '../ir/canonical.js';
import { isAnonymous, isBookkeeping } from '../ir/instrumentation.js';
import type { IrFunction, IrVariable } from '../ir/module.js';
import { bind, defined, isLocalText, printRecords, sameVariable, type Correspondence } from './match.js';
import { bindByUse } from './once.js';

/** Where tracepoint_string() keeps a pointer to a text, which nobody changes: it is told by its text. */
const traceTexts = '__tracepoint_str';

/** Where the kernel keeps pointers to the records of its printk() calls (include/linux/printk.h). */
const printIndex = '.printk_index';

/** What of the data of a translation unit differs; see ModuleDiff. */
export type DataDiff = Record<'changedData' | 'addedData' | 'removedData' | 'ambiguous', Set<string>>;

/** Pairs the variables that the functions have not paired yet, and compares the content of all pairs. */
export function compareData(c: Correspondence): DataDiff {
  const before = defined(c.original.module, 'variable');
  const after = defined(c.patched.module, 'variable');
  const ambiguous = pairByName(c, before, after);
  bindByUse(c, defined(c.original.module, 'function'), defined(c.patched.module, 'function'), ambiguous);
  const changedData = new Set<string>();
  const addedData = new Set([...after].filter(([, v]) => !isAnonymous(v)).map(([n]) => n));
  // Equal variables show what those are that they point at, so until no further pair is found.
  for (let found = true; found;) {
    found = false;
    for (const name of addedData) {
      const b = after.get(name);
      const a = before.get(b?.local ? (c.backward.get(name) ?? '') : name);
      if (!a || !b) continue;
      found = true;
      addedData.delete(name);
      ambiguous.delete(name);
      if (!sameVariable(c, a, b)) changedData.add(name);
    }
  }
  const removedData = new Set<string>();
  for (const [name, a] of before) {
    if (isAnonymous(a)) continue;
    if (!c.forward.has(name) && (a.local || !after.has(name))) removedData.add(name);
  }
  return { changedData, addedData, removedData, ambiguous };
}

/**
 * Binds the local variables that no unchanged function has bound: the only ones left of their base name on both
 * sides, or the only ones of a name with the same type and content. Returns those that stay open.
 */
function pairByName(
  c: Correspondence,
  before: Map<string, IrVariable>,
  after: Map<string, IrVariable>,
): Set<string> {
  const open = (side: Map<string, IrVariable>, taken: Map<string, string>): Map<string, IrVariable[]> => {
    const groups = new Map<string, IrVariable[]>();
    for (const [name, v] of side) {
      if (!v.local || isAnonymous(v) || taken.has(name)) continue;
      const key = baseName(name);
      groups.set(key, [...(groups.get(key) ?? []), v]);
    }
    return groups;
  };
  const ambiguous = new Set<string>();
  const later = open(after, c.backward);
  for (const [key, as] of open(before, c.forward)) {
    const bs = later.get(key) ?? [];
    const [a, b] = [as[0], bs[0]];
    if (as.length === 1 && bs.length === 1 && a && b) {
      bind(c, a.name, b.name);
      continue;
    }
    const content = (v: IrVariable, side: 'original' | 'patched'): string => {
      const { canonical, module } = c[side];
      const { text, refs } = canonical.initialiser(v);
      // Externals stand for themselves; what a local one stands for may not be known yet.
      const known = refs.map((name) => {
        const g = module.globals.get(name);
        if (g?.local === false) return name;
        return g?.kind === 'variable' && v.section === traceTexts ? canonical.initialiser(g).text : '';
      });
      return [canonical.shape(v), text, ...known].join('\0');
    };
    const unbound: IrVariable[] = [];
    for (const v of bs) {
      const mine = content(v, 'patched');
      const same = as.filter((o) => content(o, 'original') === mine);
      const rivals = bs.filter((o) => content(o, 'patched') === mine);
      if (same.length === 1 && rivals.length === 1 && same[0]) bind(c, same[0].name, v.name);
      else unbound.push(v);
    }
    // What is left on both sides may be the same variable with another type or content, or in other pieces: the
    // optimiser splits structures (`x.0`, `x.1`) as long as nobody takes their address.
    const left = as.filter((v) => !c.forward.has(v.name));
    const [last, now] = [left[0], unbound[0]];
    if (left.length === 1 && unbound.length === 1 && last && now) bind(c, last.name, now.name);
    else if (left.length > 0) for (const v of unbound) ambiguous.add(v.name);
  }
  return ambiguous;
}

/**
 * A read-only table or text whose address nobody compares and which only functions read can be carried as a copy, if
 * all its readers come along: they become changed functions. So can a record of a place that prints, also one of the
 * index of messages (CONFIG_PRINTK_INDEX), which is only listed. Anything else stays in `changedData`. What is carried is
 * new: it moves from `changedData` to `addedData`, and its binding in `c` goes.
 * @param changed the readers are added
 * @returns per reader what it reads
 */
export function followChangedConstants(
  c: Correspondence,
  data: DataDiff,
  changed: Set<string>,
  after: Map<string, IrFunction>,
): Map<string, string[]> {
  const readers = new Map<string, string[]>();
  for (const name of [...data.changedData]) {
    const v = c.patched.module.globals.get(name);
    if (v?.kind !== 'variable' || !v.local) continue;
    const holders = [...c.patched.module.globals.values()].filter(
      (g): g is IrVariable =>
        g.kind === 'variable' &&
        g.name !== name &&
        !isBookkeeping(g) &&
        c.patched.canonical.initialiser(g).refs.includes(name),
    );
    const index = holders.filter((g) => g.local && g.section?.startsWith(printIndex));
    if (index.length < holders.length) continue;
    const isRecord = v.constant && index.length > 0;
    if (!isRecord && (v.section === undefined || !printRecords.test(v.section))) {
      if (!v.constant || v.section) continue;
      if (!/\bunnamed_addr\b/.test(v.before) && !isLocalText(v)) continue;
    }
    data.changedData.delete(name);
    for (const one of [name, ...index.map((g) => g.name)]) {
      data.addedData.add(one);
      const original = c.backward.get(one);
      c.backward.delete(one);
      if (original !== undefined) c.forward.delete(original);
    }
    for (const f of after.values()) {
      if (!c.patched.canonical.body(f).refs.includes(name)) continue;
      changed.add(f.name);
      readers.set(f.name, [...(readers.get(f.name) ?? []), name]);
    }
  }
  return readers;
}

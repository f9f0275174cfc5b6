import type { IrFunction, IrModule, IrVariable } from '../ir/module.js';
import { bareName, globalsIn, isAddress } from '../ir/text.js';
import type { Selection } from './select.js';

/** A place where new code hands out the address of something that exists in the livepatch alone. */
export interface Escape {
  /** The function whose address it is, or the variable that holds it. */
  what: string;
  /** The function that hands it out. */
  from: string;
  /** What is done with it: `passes it to queue_work()`, `stores it`. */
  how: string;
}

const token = /c?"[^"]*"|;[^\n]*|@(?:[-\w$.]+|"[^"]*")/g;

/**
 * Addresses of functions of the livepatch, and of its data that holds such addresses, which its code gives away: to a
 * timer, a work item, an RCU callback, a thread, a list of notifiers. Who keeps one goes on to use it when the livepatch
 * is disabled, and jumps into freed memory when it is unloaded. Whether it is kept cannot be told from here. Addresses of
 * changed functions are those of the kernel's own and not among these.
 */
export function escapes(patched: IrModule, selection: Selection): Escape[] {
  const kept = holders(selection);
  for (const v of selection.own.values()) if (isLockKey(patched, v)) kept.add(v.name);
  const found: Escape[] = [];
  if (kept.size === 0) return found;
  const functions = [...selection.entries, ...selection.own.values()].filter((g) => g.kind === 'function');
  for (const f of functions) {
    const seen = new Set<string>();
    for (const line of f.body.split('\n')) {
      for (const what of globalsIn(line)) {
        const how = kept.has(what) && !seen.has(what) ? given(line, what) : undefined;
        if (how === undefined) continue;
        seen.add(what);
        found.push({ what, from: f.name, how });
      }
    }
  }
  return found;
}

/** Functions that the livepatch alone has, and its variables from whose content one of them can be reached. */
function holders(selection: Selection): Set<string> {
  const found = new Set<string>();
  const entries = new Set(selection.entries.map((f) => f.name));
  for (const g of selection.own.values())
    if (g.kind === 'function' && !entries.has(g.name)) found.add(g.name);
  const variables = [...selection.own.values()].filter((g) => g.kind === 'variable');
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const v of variables)
      if (globalsIn(v.initialiser).some((name) => found.has(name))) found.add(v.name);
  }
  return found;
}

/** A key of a lock class that is more than nothing, as it is with CONFIG_LOCKDEP: locks that were made with it keep it. */
function isLockKey(module: IrModule, g: IrFunction | IrVariable): boolean {
  if (g.kind !== 'variable' || !/\block_class_key\b/.test(g.type)) return false;
  return !/^(?:\{\}|opaque)?$/.test(module.types.get(g.type) ?? '');
}

/** What an instruction does with the address of `what`; undefined when it only calls, reads, writes or compares it. */
function given(line: string, what: string): string | undefined {
  const instruction = /^\s*(?:%[-\w$.]+ = )?(?:(?:tail|musttail|notail) )?(\w+)/.exec(line)?.[1] ?? '';
  const addresses = [...line.matchAll(token)].filter(
    (m) => m[0].startsWith('@') && bareName(m[0]) === what && isAddress(line, m.index),
  );
  if (addresses.length === 0) return undefined;
  switch (instruction) {
    case 'load':
    case 'icmp':
    case 'getelementptr':
      return undefined;
    case 'store': {
      const target = line.lastIndexOf(', ', line.search(/, align \d+|$/) - 1);
      return addresses.some((m) => m.index < target) ? 'stores it' : undefined;
    }
    case 'call': {
      if (/\basm\b/.test(line)) return undefined;
      const callee = /[@%](?:[-\w$.]+|"[^"]*")(?=\()/.exec(line)?.[0] ?? '';
      if (callee.startsWith('@llvm.memcpy')) return 'copies it';
      if (callee.startsWith('@llvm.')) return undefined;
      return callee.startsWith('@') ? `passes it to ${bareName(callee)}()` : 'passes it on';
    }
    default:
      return 'hands it on';
  }
}

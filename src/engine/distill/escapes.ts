import { isAnonymous } from '../ir/instrumentation.js';
import type { IrFunction, IrModule, IrVariable } from '../ir/module.js';
import { bareName, closingBracket, elements, firstComma, globalsIn } from '../ir/text.js';
import { addressesAt, carriedIn, instructionOf, isCarrier, type Carried } from '../ir/carried.js';
import type { Selection } from './select.js';

/** A place where new code hands out the address of something that exists in the livepatch alone. */
export interface Escape {
  /** The function or variable whose address it is; a literal in quotation marks. */
  what: string;
  /** The function that hands it out. */
  from: string;
  /** What is done with it: `passes it to queue_work()`, `stores it`. */
  how: string;
}

/**
 * Addresses of functions of the livepatch, and of its data that holds such addresses, which its code gives away: to a
 * timer, a work item, an RCU callback, a thread, a list of notifiers. Who keeps one goes on to use it when the livepatch
 * is disabled, and jumps into freed memory when it is unloaded. Whether it is kept cannot be told from here; that of other
 * data (a text) is when the code stores it, and passed on for a moment nearly everywhere else. Addresses of changed
 * functions are those of the kernel's own and not among these.
 */
export function escapes(patched: IrModule, selection: Selection): Escape[] {
  const kept = holders(selection);
  for (const v of selection.own.values()) if (isLockKey(patched, v)) kept.add(v.name);
  const found: Escape[] = [];
  const functions = [...selection.entries, ...selection.own.values()].filter((g) => g.kind === 'function');
  for (const f of functions) {
    const seen = new Set<string>();
    const lines = f.body.split('\n');
    const inside = insideOf(lines, selection);
    const carried = carriedIn(lines, (name) => selection.own.has(name));
    for (const line of lines) {
      const addresses = addressesAt(line, carried);
      for (const what of new Set(addresses.flatMap((one) => [...one.what]))) {
        if (seen.has(what) || !selection.own.has(what)) continue;
        const how = given(line, what, carried);
        if (how === undefined) continue;
        const isKept = kept.has(what) || keepsName.test(calleeOf(line));
        if (!isKept && !(leaves(how, what, selection) && !isOwn(target(line), selection, inside))) continue;
        seen.add(what);
        found.push({ what: named(selection.own.get(what), what), from: f.name, how });
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

/** What to call it: a literal by what it says. */
function named(g: IrFunction | IrVariable | undefined, name: string): string {
  const [, text] = (g?.kind === 'variable' && /^c"(.*?)(?:\\00)*"$/.exec(g.initialiser)) || [];
  return text === undefined || !isAnonymous(g as IrVariable) ? name : `the text "${text}"`;
}

/** Names of the pointers into a function's own stack, and into the livepatch's data. */
function insideOf(lines: readonly string[], { own }: Selection): Set<string> {
  const found = new Set<string>();
  for (const line of lines) {
    const { result, name } = instructionOf(line);
    if (result === undefined || !['alloca', 'getelementptr', 'bitcast'].includes(name)) continue;
    const operands = line.slice(line.indexOf('=') + 1);
    const bases = operands.match(/%[-\w$.]+/g) ?? [];
    const isInside =
      bases.some((base) => found.has(base)) || globalsIn(operands).some((base) => own.has(base));
    if (name === 'alloca' || isInside) found.add(result);
  }
  return found;
}

const stores = 'stores it';
const copies = 'copies it';

/**
 * Functions that keep the pointer to a name, which is read whenever somebody looks at /proc/interrupts, /proc/ioports or
 * /proc/iomem (kernel/irq/manage.c, kernel/resource.c, drivers/pci).
 */
const keepsName =
  /^(?:(?:devm_)?request_(?:threaded|any_context)_irq|__request_percpu_irq|request_nmi|__(?:devm_)?request_region|pcim?_(?:request|iomap)_\w*regions?\w*)$/;

/** The function that an instruction calls by its name. */
function calleeOf(line: string): string {
  return bareName(/@(?:[-\w$.]+|"[^"]*")(?=\()/.exec(line)?.[0] ?? '');
}

/** Does the address of own data go elsewhere: itself, or with a template that holds addresses? */
function leaves(how: string, what: string, { own }: Selection): boolean {
  if (how !== copies) return how === stores;
  const g = own.get(what);
  return g?.kind === 'variable' && globalsIn(g.initialiser).some((name) => own.has(name));
}

/** Is it memory that is no longer there when the livepatch is unloaded: the stack, or the livepatch's own data? */
function isOwn(place: string, { own }: Selection, inside: ReadonlySet<string>): boolean {
  const locals = place.match(/%[-\w$.]+/g) ?? [];
  return locals.some((name) => inside.has(name)) || globalsIn(place).some((name) => own.has(name));
}

/** The operands of inline assembly: what it gets, and the memory that it works on, which is marked by its type. */
function assembly(line: string): { writes: boolean; values: string[]; places: string[] } | undefined {
  const found = /\basm\b[^"]*"[^"]*", "([^"]*)"(?=\()/.exec(line);
  if (!found) return undefined;
  const open = found.index + found[0].length;
  const operands = elements(line.slice(open, closingBracket(line, open)));
  const isPlace = (operand: string): boolean => operand.includes('elementtype(');
  const places = operands.filter(isPlace);
  return {
    // Clang before 14 does not mark memory.
    writes: places.length > 0 && /=[&+]?\*/.test(found[1] ?? ''),
    values: operands.filter((one) => !isPlace(one)),
    places,
  };
}

function carries(operand: string, what: string, carried: Carried): boolean {
  return addressesAt(operand, carried).some((one) => one.what.has(what));
}

/** The part of a store, of a copy or of assembly that says where it writes to. */
function target(line: string): string {
  const asm = assembly(line);
  if (asm) return asm.places.join();
  const at = line.indexOf('store ');
  if (at >= 0) return line.slice(at + firstComma(line.slice(at)) + 1);
  const open = line.indexOf('(', line.indexOf('@llvm.memcpy'));
  return line.slice(open + 1, open + 1 + firstComma(line.slice(open + 1)));
}

/** A key of a lock class that is more than nothing, as it is with CONFIG_LOCKDEP: locks that were made with it keep it. */
function isLockKey(module: IrModule, g: IrFunction | IrVariable): boolean {
  if (g.kind !== 'variable' || !/\block_class_key\b/.test(g.type)) return false;
  return !/^(?:\{\}|opaque)?$/.test(module.types.get(g.type) ?? '');
}

/**
 * What an instruction does with the address of `what`; undefined when it only calls, reads, writes or compares it, or its
 * result carries it on.
 */
function given(line: string, what: string, carried: Carried): string | undefined {
  const { name } = instructionOf(line);
  const addresses = addressesAt(line, carried).filter((one) => one.what.has(what));
  if (addresses.length === 0 || isCarrier(name)) return undefined;
  switch (name) {
    case 'load':
    case 'icmp':
      return undefined;
    case 'store':
      return addresses.some(({ index }) => index < line.length - target(line).length) ? stores : undefined;
    case 'call': {
      const asm = assembly(line);
      if (asm) {
        const mayStore = asm.writes && asm.values.some((one) => carries(one, what, carried));
        return mayStore ? stores : undefined;
      }
      const callee = /[@%](?:[-\w$.]+|"[^"]*")(?=\()/.exec(line)?.[0] ?? '';
      if (callee.startsWith('@llvm.memcpy')) return copies;
      if (callee.startsWith('@llvm.')) return undefined;
      return callee.startsWith('@') ? `passes it to ${bareName(callee)}()` : 'passes it on';
    }
    default:
      return 'hands it on';
  }
}

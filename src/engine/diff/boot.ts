import { isBookkeeping } from '../ir/instrumentation.js';
import type { IrModule } from '../ir/module.js';
import { addressesIn, globalsIn, isNamedInString } from '../ir/text.js';
import type { TranslationUnit } from '../types.js';

/** Who makes a function run. */
export interface Callers {
  /** What it is to those who have done so and do not again: `an initcall`; undefined where there are none. */
  past?: string;
  /** Who may do so yet: `f`, `code of other files`; undefined where nobody may. */
  future?: string;
}

interface Uses {
  /** What the kernel calls it as, once. */
  once?: string;
  callers: string[];
  /** Anyone who is not told from its users that are. */
  other?: string;
}

/** Sections of pointers to initcalls, and to the exit functions of what is built in (include/linux/init.h). */
const pointers = [
  { section: /^\.(?:con_)?initcall/, once: 'an initcall' },
  { section: /^\.exitcall/, once: 'an exit function of what is built in' },
] as const;

/** What module_init() makes another name of a function (include/linux/module.h). */
const moduleInit = 'init_module';
const ofModule = 'the init function of its module';

/** Where code of vmlinux is that has run, or never does. */
const gone = /^\.(?:init|exit)\./;

/** Who calls a function of a unit. With a past and no future its new code would not run in a kernel that has booted. */
export function callersOf(unit: TranslationUnit, module: IrModule, name: string): Callers {
  const { once, callers, other } = usesOf(module, name);
  // A module may be loaded after the livepatch.
  const isOver = (caller: string): boolean =>
    caller === name || (unit.module === undefined && hasRun(module, caller, [name]));
  const future = other ?? callers.find((caller) => !isOver(caller));
  const [caller] = callers;
  const past = once ?? (caller === undefined ? undefined : `called by ${caller}, which has run`);
  return { ...(past === undefined ? {} : { past }), ...(future === undefined ? {} : { future }) };
}

/** Has a function of vmlinux run for the last time? */
function hasRun(module: IrModule, name: string, callees: readonly string[]): boolean {
  const f = module.globals.get(name);
  if (f?.kind !== 'function' || callees.includes(name)) return false;
  if (gone.test(f.section ?? '')) return true;
  const { once, callers, other } = usesOf(module, name);
  const others = callers.filter((caller) => caller !== name);
  if (other !== undefined || (once === undefined && others.length === 0)) return false;
  return others.every((caller) => hasRun(module, caller, [...callees, name]));
}

/** How the file uses a function. Who has its address, or sees its name from outside, may call it at any time. */
function usesOf(module: IrModule, name: string): Uses {
  const found: Uses = { callers: [] };
  // The optimiser may give the function the name of its alias.
  if (name === moduleInit) found.once = ofModule;
  else if (module.globals.get(name)?.local !== true) found.other = 'code of other files';
  for (const g of module.globals.values()) {
    if (isBookkeeping(g)) continue;
    if (g.kind === 'alias') {
      if (g.target !== name) continue;
      if (g.name === moduleInit) found.once = ofModule;
      else found.other = g.name;
    } else if (g.kind === 'function') {
      if (!g.body.includes(name)) continue;
      if (addressesIn(g.body).has(name)) found.other = `who has its address from ${g.name}`;
      else if (isNamedInString(g.body, name)) found.other = `assembly in ${g.name}`;
      else if (globalsIn(g.body).includes(name)) found.callers.push(g.name);
    } else if (g.initialiser.includes(name) && globalsIn(g.initialiser).includes(name)) {
      if (g.section?.startsWith('.discard') === true) continue;
      const pointer = pointers.find(({ section }) => section.test(g.section ?? ''));
      if (pointer) found.once = pointer.once;
      else found.other = `who finds it in ${g.name}`;
    }
  }
  module.asm.forEach((line, i) => {
    if (!isNamedInString(line, name)) return;
    // What stands behind the label of the record: `.long NAME - .`
    if (/^"\s*__initcall_/.test(module.asm[i - 1] ?? '')) found.once = pointers[0].once;
    else if (!/^"\s*__initcall_/.test(line)) found.other ??= 'assembly of the file';
  });
  return found;
}

import { KlpError } from '../../shared/errors.js';
import { transient } from '../distill/select.js';
import { isBookkeeping } from '../ir/instrumentation.js';
import type { IrModule } from '../ir/module.js';
import { addressesIn, globalsIn, isNamedInString } from '../ir/text.js';
import type { TranslationUnit } from '../types.js';
import type { ModuleDiff } from './diff.js';

/**
 * A changed function without an ftrace entry cannot be redirected (every `inline` function of the kernel that the
 * compiler left out of line is one: include/linux/compiler_types.h). If it is static and only called, the livepatch
 * brings it along as a private function and replaces its callers instead.
 * @param isTraceable asked with the function's name in the original module
 * @returns `diff` with such functions among the added ones, and their callers among the changed ones
 * @throws KlpError `not-traceable` when callers outside the file, or a stored pointer, would still reach the old code
 */
export function carryUntraceable(
  unit: TranslationUnit,
  patched: IrModule,
  diff: ModuleDiff,
  isTraceable: (original: string) => boolean,
): ModuleDiff {
  const [changed, added] = [new Set(diff.changed), new Set(diff.added)];
  const readsChanged = new Map(diff.readsChanged);
  const work = [...changed];
  for (let name = work.pop(); name !== undefined; name = work.pop()) {
    const f = patched.globals.get(name);
    if (f?.kind !== 'function' || isTraceable(diff.originalOf.get(name) ?? name)) continue;
    const refuse = (why: string): never => {
      throw new KlpError('not-traceable', `${name} changes, but ftrace cannot redirect it, and ${why}`, {
        file: unit.source,
        function: name,
        object: unit.object,
      });
    };
    if (!f.local) refuse('code in other files may call it');
    changed.delete(name);
    added.add(name);
    if (patched.asm.some((line) => isNamedInString(line, name))) refuse('assembly refers to it');
    for (const g of patched.globals.values()) {
      if (isBookkeeping(g)) continue;
      if (g.kind === 'alias') {
        if (g.target === name) refuse(`${g.name} is another name of it`);
        continue;
      }
      const text = g.kind === 'function' ? g.body : g.initialiser;
      // Code of the kernel's boot has run and is gone; a module's may run yet.
      if (unit.module === undefined && g.kind === 'function' && transient.test(g.section ?? '')) continue;
      if (isNamedInString(text, name) && g.kind === 'function') refuse(`assembly in ${g.name} refers to it`);
      if (g.name === name || !text.includes(name) || !globalsIn(text).includes(name)) continue;
      if (g.kind === 'variable') {
        if (g.section?.startsWith('.discard')) continue;
        refuse(`${g.name} holds a pointer to it`);
      } else {
        if (addressesIn(text).has(name)) refuse(`${g.name} takes its address`);
        if (added.has(g.name)) continue;
        readsChanged.set(g.name, [...(readsChanged.get(g.name) ?? []), name]);
        if (!changed.has(g.name)) {
          changed.add(g.name);
          work.push(g.name);
        }
      }
    }
  }
  return { ...diff, changed, added, readsChanged };
}

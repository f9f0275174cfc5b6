import { diffModules } from '../../src/engine/diff/diff.js';
import type { ComparedUnit } from '../../src/engine/diff/interface.js';
import { parseModule } from '../../src/engine/ir/module.js';
import type { TranslationUnit } from '../../src/engine/types.js';

/** A translation unit of vmlinux that no test compiles. */
export const unitOf = (source = 'x.c', ...dependencies: string[]): TranslationUnit => ({
  source,
  object: source.replace(/c$/, 'o'),
  objname: 'vmlinux',
  compile: ['clang'],
  cwd: '/',
  dependencies,
});

/** A unit before and after a patch, from the IR of both. */
export function comparedIr(before: string, after: string, unit = unitOf()): ComparedUnit {
  const [original, patched] = [parseModule(before, 'before.ll'), parseModule(after, 'after.ll')];
  return { unit, original, patched, diff: diffModules(original, patched) };
}

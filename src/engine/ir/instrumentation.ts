import type { IrGlobal } from './module.js';

/**
 * What the compiler writes into a module for itself and for its run-time checks, by name: LLVM's own tables; the functions
 * that tell KASAN, KCSAN and GCOV of a file's variables and counters when the kernel boots; KASAN's list of those
 * variables, which alone has a number for a name and is not private. None of it is content of the source, and a livepatch
 * needs none: what KASAN is not told of it does not watch, and what replaced functions do is not counted.
 * (LLVM 14 to 22, lib/Transforms/Instrumentation.)
 */
export function isBookkeeping(g: IrGlobal): boolean {
  if (g.name.startsWith('llvm.')) return true;
  if (g.kind === 'function') {
    return /^(?:[at]san\.module_[cd]tor|__llvm_gcov_(?:writeout|reset|flush|init))$/.test(g.name);
  }
  return g.kind === 'variable' && g.linkage === 'internal' && /^\d+$/.test(g.name);
}

/**
 * What belongs to a place in the code and has no name in the source: literals; with UBSAN the description of the place,
 * which also remembers whether it was reported; with KASAN literals that have got a name and a margin; with GCOV the
 * counters of a function. One is as good as another of the same content.
 */
export function isAnonymous(g: IrGlobal): boolean {
  if (g.kind !== 'variable') return false;
  if (g.linkage === 'private') return g.constant || /\bunnamed_addr\b/.test(g.before);
  if (g.linkage !== 'internal') return false;
  return (g.constant && /^\.str(?:\.\d+)?$/.test(g.name)) || /^__llvm_gcov_ctr(?:\.\d+)?$/.test(g.name);
}

/** The assembler's name of something that `isAnonymous` calls so: listings show it by its content. */
export const anonymousName = /^"?(?:\.L|(?:\.str|__llvm_gcov_ctr)(?:\.\d+)?"?$)/;

/** Lines of file-level assembly that give the type of a function whose address the file takes, for kCFI's sake. */
export const callCheckNames = /__kcfi_typeid_/;

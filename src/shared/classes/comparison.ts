import { unit, qemu, behaviour, refused, mutants, realFixes, type LivepatchClass } from './class.js';

/** What has to be compared, and what must not count as a difference. */
export const comparison: readonly LivepatchClass[] = [
  {
    number: 1,
    what: 'A change that the comparison misses',
    handled: 'All that reaches code generation is compared, in the IR and again in the generated code',
    codes: ['comparisons-disagree', 'same-code'],
    proofs: [unit('diff/diff', 'sees a change of %s'), mutants, realFixes],
  },
  {
    number: 2,
    what: 'Static locals that the compiler renumbers (`f.x.3`)',
    handled: 'Bound by function, name, type, content and use; static that comes or goes keeps the variable',
    codes: ['static-ambiguous', 'data-renamed'],
    proofs: [
      unit('distill/distill', 'binds a renumbered static to its original'),
      unit('diff/diff', 'is the same one when it was %s and is %s'),
      qemu('symbols', 'flags of what a function does once'),
      behaviour('functions', 'goes on with its static local and per-cpu variables'),
    ],
  },
  {
    number: 3,
    what: 'Statics that macros make (`__func__`, `__key`, `__already_done`, `___done`, descriptors)',
    handled: 'Each by what it does: flags and keys stay the original, descriptors are copies',
    codes: ['init-function-changed', 'static-copied', 'livepatch-address-given'],
    proofs: [
      unit('diff/once', 'keeps its flag when two in one function are told apart'),
      unit('distill/escapes', 'is given away where lock classes are something'),
      qemu('symbols', 'something else done once'),
      behaviour('mechanisms', 'what was printed once is not printed again by the patched function'),
    ],
  },
  {
    number: 4,
    what: 'String literals and anonymous constants',
    handled: 'Compared by content, never by name',
    codes: [],
    proofs: [unit('diff/diff', 'numbers of strings, attributes and metadata'), realFixes],
  },
  {
    number: 5,
    what: '`__LINE__` that shifts',
    handled: 'Lines after a change keep their numbers',
    codes: [],
    proofs: [
      unit('patch/align', 'gives the lines after an insertion and after a deletion their numbers back'),
      realFixes,
    ],
  },
  {
    number: 6,
    what: '`__COUNTER__`, `__UNIQUE_ID_*`, names of initcalls',
    handled: 'Compared without their counters',
    codes: [],
    proofs: [unit('diff/diff', 'unique identifiers'), realFixes],
  },
  {
    number: 7,
    what: 'A changed static function that was inlined',
    handled: 'Its callers are replaced, each with the reason',
    codes: ['not-traceable'],
    proofs: [
      unit('distill/distill', 'come along, and their callers are replaced'),
      qemu('examples', 'inlined-task-state'),
      qemu('symbols', 'a per-CPU variable'),
      behaviour('functions', 'a static function that has been inlined'),
    ],
  },
  {
    number: 8,
    what: 'Interprocedural drift: another ABI of a function that stays',
    handled: 'A user of a function or variable whose interface differs counts as changed',
    codes: ['signature-changed'],
    proofs: [
      unit('diff/diff', 'sees that a caller relies on what was known of the result of a static function'),
      unit('diff/interface', 'is refused when callers in other files do not come along'),
      behaviour('drift', 'callers that relied on the one result of a static function come along with it'),
      behaviour('drift', 'a static function whose argument was always the same gets it passed', ['x86_64']),
      refused('other results of functions that a table of the kernel points to'),
    ],
  },
  {
    number: 9,
    what: 'Changes in headers',
    handled: 'Every object whose recorded dependencies name the header is compared',
    codes: ['other-modules-unfixed'],
    proofs: [
      unit('why', 'does not reach modules from outside the tree that have it inlined'),
      unit('kernel/units', 'finds the objects that read a header, of C and of assembly'),
      qemu('symbols', 'an exported function with other parameters'),
      behaviour('functions', 'an inline function of a header, inlined into many functions of several files'),
    ],
  },
];

import type { Code } from './codes.js';

/** A test that shows what a class says. */
export interface Proof {
  file: string;
  /** Words of the test's title, or of the table that it goes through. */
  title: string;
  /** Architectures of the kernels it runs on; `IR` when it needs no kernel. */
  on: readonly ('IR' | 'x86_64' | 'arm64')[];
}

/** One thing that goes wrong in livepatches, and what becomes of it here. */
export interface LivepatchClass {
  number: number;
  what: string;
  /** How it is handled, where it is. */
  handled?: string;
  /** Codes of refusals, then of notes and warnings. */
  codes: readonly Code[];
  proofs: readonly Proof[];
}

const both = ['x86_64', 'arm64'] as const;
const ir = ['IR'] as const;
const unit = (file: string, title: string): Proof => ({
  file: `test/unit/engine/${file}.test.ts`,
  title,
  on: ir,
});
const qemu = (file: string, title: string, on: Proof['on'] = both): Proof => ({
  file: `test/qemu/${file}.test.ts`,
  title,
  on,
});

/** A case of test/qemu/behaviour.test.ts: seen before, while and after the livepatch is active. */
const behaviour = (file: string, title: string, on: Proof['on'] = both): Proof => ({
  file: `test/qemu/behaviour/${file}.ts`,
  title,
  on,
});
/** A case of test/integration/refusals.test.ts: what is said of a patch for the kernel of the image. */
const refused = (title: string, on: Proof['on'] = both): Proof => ({
  file: 'test/integration/refusals.ts',
  title,
  on,
});

const mutants: Proof = {
  file: 'test/integration/mutation.test.ts',
  title: 'no small change to the IR of Linux %s that changes the code escapes the diff',
  on: both,
};
/** Every fix of the list becomes a livepatch of the functions that it names, and all are loaded. */
const realFixes = qemu('real-fixes', 'becomes a livepatch of the functions that it changes');
const loaded = qemu('real-fixes', 'all load, replace their functions, and go away again');

/**
 * What a livepatch generator has to handle or refuse: facts of the kernel's loader, of compilers and of what other
 * generators ran into. docs/classes.md is made of this.
 */
export const classes: readonly LivepatchClass[] = [
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
  {
    number: 10,
    what: 'Several symbols of one name (`sympos`)',
    handled: 'Counted in the final vmlinux or module; the place of the object in it is proved',
    codes: ['symbol-position-unproved', 'symbol-not-in-kernel'],
    proofs: [
      unit('kernel/symbols', 'counts equal statics by address and tells which is whose'),
      qemu('symbols', 'a function whose name another object has too'),
      behaviour('drift', 'whose name the kernel has twice'),
    ],
  },
  {
    number: 11,
    what: 'Weak symbols, aliases, system calls',
    handled: 'A weak function only where the kernel has it; the wrappers of a system call are replaced',
    codes: ['symbol-not-in-kernel', 'alias-changed', 'defined-elsewhere', 'function-removed'],
    proofs: [
      qemu('symbols', 'a weak function, unless the architecture overrides it'),
      qemu('symbols', 'a system call'),
      unit('diff/refuse', 'alias-changed'),
      behaviour('functions', 'a weak function that nothing overrides'),
      behaviour('objects', 'a function of a driver that counts for each processor'),
    ],
  },
  {
    number: 12,
    what: 'Exports of vmlinux and of modules, namespaces',
    handled: 'Ordinary relocations for vmlinux, klp relocations for modules; namespaces are imported',
    codes: ['new-module-dependency'],
    proofs: [qemu('symbols', 'what other modules export'), qemu('symbols', 'an export of a namespace')],
  },
  {
    number: 13,
    what: 'EXPORT_SYMBOL or an exported type changes; MODVERSIONS',
    handled: 'Checksums are compared before the module is handed out',
    codes: ['export-changed', 'module-check-failed'],
    proofs: [
      unit('diff/interface', 'is refused with its header too when it is exported'),
      unit('klp/check', 'notices a missing or wrong checksum'),
      qemu('symbols', 'an exported function with other parameters'),
    ],
  },
  {
    number: 14,
    what: 'The address of a patched function, taken by patched code',
    handled: 'Calls go to the new code, addresses are the original ones; those of new functions are named',
    codes: ['livepatch-address-given', 'address-newly-taken', 'function-still-pointed-to'],
    proofs: [
      unit(
        'distill/distill',
        'calls the new copy of a changed function and takes the address of the original',
      ),
      unit('diff/pointers', 'is refused when the kernel only calls it'),
      refused('a pointer to a static function that was only called'),
      refused('a pointer to a function that the kernel calls by name alone', ['x86_64']),
      unit('diff/pointers', 'is told of when its address was given away'),
      qemu('symbols', 'the address of a new function, with a warning'),
      behaviour('functions', 'an address that patched code hands out leads to the original'),
    ],
  },
  {
    number: 15,
    what: 'Jump labels whose key lives in a module, or is read-only before Linux 6.10',
    handled: 'They become branches that read the key',
    codes: ['late-special-section', 'static-branch-dynamic'],
    proofs: [
      qemu('each-kernel', 'a static branch on a key that is read-only', ['x86_64']),
      unit('distill/jumplabel', 'stay as they are when their key is known'),
      loaded,
      behaviour('objects', 'a trace point of a module, in a patched function of that module'),
      behaviour('mechanisms', 'a static branch of a patched function is as its key was, and follows it'),
      behaviour('drift', 'a static key of the livepatch switches its own branches'),
    ],
  },
  {
    number: 16,
    what: 'Static calls',
    handled: 'Existing ones are called by their trampoline; a new one is assembly of the file',
    codes: ['file-asm-changed', 'late-special-section'],
    proofs: [
      unit('distill/distill', 'calls static-call trampolines under a name that objtool leaves alone'),
      loaded,
    ],
  },
  {
    number: 17,
    what: 'Records about code: alternatives, `__bug_table`, `__ex_table`, dynamic debug, printk index',
    handled: 'Carried with their function; what only the boot of vmlinux reads is refused',
    codes: ['section-not-for-modules'],
    proofs: [
      unit('diff/refuse', 'lets data come and go in %s'),
      loaded,
      behaviour('mechanisms', 'writes to a bad address of user space, past alternatives'),
      behaviour('mechanisms', 'warnings of patched functions name file and line of the patch'),
      behaviour('mechanisms', 'debug messages of a patched function, with a changed text'),
    ],
  },
  {
    number: 18,
    what: 'ORC, return and retpoline sites, IBT',
    handled: 'objtool runs over the generated object as the build recorded it',
    codes: ['objtool-warning'],
    proofs: [
      unit('klp/commands', 'objtool for each object'),
      qemu('each-kernel', "the kernel's own selftests pass"),
    ],
  },
  {
    number: 19,
    what: 'kCFI',
    handled:
      'Prefixes and traps are carried; the wrapper is compiled with the checks of the kernel. A kernel with kCFI (test/kernels) is not built by every run of the tests',
    codes: [],
    proofs: [
      unit('klp/commands', 'compile our source under our name'),
      unit(
        'distill/distill',
        'declares functions with their types for indirect-call checks, where LLVM reads them',
      ),
      unit('diff/instrumented', 'names the types of functions whose addresses a file takes'),
    ],
  },
  {
    number: 20,
    what: 'LTO and ThinLTO',
    codes: ['kernel-lto'],
    proofs: [unit('kernel/tree', 'kernel-lto')],
  },
  {
    number: 21,
    what: 'Functions without an ftrace entry',
    handled: 'A static one that is only called comes along, and its callers are replaced',
    codes: ['not-traceable'],
    proofs: [
      unit('kernel/symbols', 'knows which functions ftrace can divert'),
      unit('distill/distill', 'are refused when other files may call them'),
      behaviour('drift', 'an inline function that was left out of line comes along'),
      refused('a function of a folder that is built without tracing, which other files call'),
    ],
  },
  {
    number: 22,
    what: '`__init`, `__exit`, initcalls, module parameters',
    codes: ['init-function-changed', 'init-code-used', 'registered-data-changed', 'data-stays-writable'],
    proofs: [
      unit('diff/refuse', 'init-function-changed'),
      unit('distill/escapes', 'is left to code that used it before'),
      qemu('symbols', 'data that the kernel has freed'),
    ],
  },
  {
    number: 23,
    what: 'Another initial value of existing data',
    handled: 'Tables of plain values that only changed functions read are copied',
    codes: ['data-changed'],
    proofs: [
      unit('diff/diff', 'carries a changed read-only table with the functions that read it'),
      qemu('examples', 'that changes an initial value is refused at its line'),
    ],
  },
  {
    number: 24,
    what: 'Another layout of a structure',
    codes: ['struct-layout-changed', 'enumerators-renumbered'],
    proofs: [
      unit('diff/layout', 'are compared field by field, also where a new field fits into a hole'),
      refused('a new field within a structure of a header'),
      refused('a new field in the hole of a structure, which moves no other'),
      refused('a macro that is the length of an array in a structure'),
      refused('an enumerator that is the length of an array in a structure'),
      refused('an enumerator in the midst of others'),
    ],
  },
  {
    number: 25,
    what: 'New functions and data, also shared by two objects',
    handled: 'Defined once, used by all objects of the livepatch',
    codes: ['symbol-name-conflict', 'defined-elsewhere'],
    proofs: [
      unit('provide', 'is its new globals and its functions that are static no more'),
      qemu('symbols', 'a variable that is static no more, used by another file'),
      behaviour('functions', 'new functions with tables of texts'),
    ],
  },
  {
    number: 26,
    what: 'Assembly, vDSO, real mode, Rust, Kconfig, Makefiles',
    codes: [
      'assembly-changed',
      'build-file-changed',
      'rust-changed',
      'object-not-livepatchable',
      'not-built',
    ],
    proofs: [
      unit('kernel/preflight', 'assembly-changed'),
      unit('object/assembly', 'refuses assembly that the patch changes'),
      refused('assembly'),
      refused('code of the vDSO, which runs in programs'),
      refused('code that the vDSO includes'),
      refused('a header that the kernel and the vDSO read'),
      refused('code that runs in real mode', ['x86_64']),
      refused('linked apart', ['x86_64']),
      refused('code that runs before the kernel is mapped', ['arm64']),
      refused('an option of the configuration'),
      refused('a Makefile'),
      refused('the linker script'),
      refused('Rust code'),
    ],
  },
  {
    number: 27,
    what: 'Kernels with KASAN, KCSAN, UBSAN, GCOV',
    handled:
      'Code is generated without running IR passes again; what the compiler adds for these is told from the data of the source, literals and counters of replaced functions are copies. A kernel with KASAN and UBSAN (test/kernels) is not built by every run of the tests',
    codes: [],
    proofs: [
      unit('object/compile', 'runs no IR pass'),
      unit('diff/instrumented', 'has named literals: they are compared by content'),
      unit('diff/instrumented', 'has places in the code that have numbers for names'),
      unit('diff/instrumented', 'has counters for each function'),
    ],
  },
  {
    number: 28,
    what: 'A kernel of GCC, or of another clang',
    codes: ['kernel-built-by-gcc', 'compiler-mismatch', 'compile-mismatch'],
    proofs: [
      unit('kernel/tree', 'names the other compiler'),
      {
        file: 'test/integration/kernel-tree.test.ts',
        title: 'is refused when the compiler of the image is another version',
        on: ['x86_64'],
      },
    ],
  },
  {
    number: 29,
    what: 'Modules that are not loaded yet, or loaded again',
    handled: 'Late relocations, where they can be written',
    codes: ['late-relocation-impossible', 'module-loads-once'],
    proofs: [
      unit(
        'klp/late',
        'is not loaded a second time by a kernel that leaves them where they are, which is told',
      ),
      qemu('each-kernel', 'a livepatch of a module: loaded before it and after it'),
      qemu('hard-cases', 'the module comes and goes more often than there are PLT entries', ['arm64']),
    ],
  },
  {
    number: 30,
    what: 'Several objects in one livepatch',
    handled: 'Each with its own klp_object',
    codes: [],
    proofs: [
      qemu('real-fixes', 'together make one livepatch of vmlinux and all those modules'),
      behaviour('objects', 'which share a new function with its static variable'),
    ],
  },
  {
    number: 31,
    what: 'Callbacks, shadow variables, klp_state',
    handled: 'A file of callbacks for each object; symbols of all objects can be used in it',
    codes: ['callbacks-unusable'],
    proofs: [
      unit('klp/wrapper', 'hooks callbacks to their object, also one without functions'),
      qemu('examples', 'with callbacks sets a variable of the kernel, and sets it back'),
    ],
  },
  {
    number: 32,
    what: 'Atomic replace',
    handled: 'On unless --no-replace is given',
    codes: [],
    proofs: [
      unit('klp/wrapper', 'sets what the module says of itself'),
      behaviour('objects', 'a livepatch takes the place of another: all of that is gone'),
      behaviour('objects', 'a second livepatch of the same function goes on top'),
    ],
  },
  {
    number: 33,
    what: 'Transitions that stall',
    handled: 'The boot names the tasks and where they are',
    codes: ['transition-stalled', 'disable-stalled', 'livepatch-stuck'],
    proofs: [qemu('each-kernel', 'a transition that does not end: the task, and where it is')],
  },
  {
    number: 34,
    what: 'arm64 before Linux 6.17 has no livepatch support',
    handled: 'A series of patches adds it while the kernel of an image is built',
    codes: ['kernel-needs-series', 'series-does-not-apply', 'kernel-has-series'],
    proofs: [
      qemu('hard-cases', 'threads that are preempted where only LR leads back never see both versions', [
        'arm64',
      ]),
      qemu('each-kernel', "the kernel's own selftests pass", ['arm64']),
    ],
  },
  {
    number: 35,
    what: 'arm64: patchable entries, PLT slots, range of modules, BTI, PAC, errata',
    handled: 'Recorded flags are used as they are; late relocations leave the counts of PLT slots right',
    codes: ['late-relocation-impossible'],
    proofs: [
      unit('klp/late', 'may be page addresses at offset %i'),
      qemu('hard-cases', 'the module is more than 128 MiB away', ['arm64']),
    ],
  },
];

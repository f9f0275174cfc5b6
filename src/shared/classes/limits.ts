import { unit, qemu, behaviour, refused, type LivepatchClass } from './class.js';

/** Kernels and changes that a livepatch cannot be made for, or not in every way. */
export const limits: readonly LivepatchClass[] = [
  {
    number: 19,
    what: 'kCFI',
    handled:
      'Prefixes and traps are carried; the wrapper is compiled with the checks of the kernel. A kernel with kCFI (test/kernels) is not built by every run of the tests',
    codes: ['signature-changed'],
    proofs: [
      unit('diff/interface', 'a function that changes its type for kCFI alone'),
      unit('klp/unseal', 'leaves the marks for indirect calls'),
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
      unit('diff/boot', 'as an initcall that is called by %s too'),
      refused('an initcall that is not marked __init'),
      refused('what a module does when it is unloaded'),
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
    codes: ['struct-layout-changed', 'enumerators-renumbered', 'constant-changed'],
    proofs: [
      unit('diff/layout', 'are compared field by field, also where a new field fits into a hole'),
      refused('a new field within a structure of a header'),
      refused('a new field in the hole of a structure, which moves no other'),
      refused('a field that leads to memory of another layout'),
      unit('patch/constants', 'are told of'),
      refused('a macro that is the length of an array in a structure'),
      refused('an enumerator that is the length of an array in a structure'),
      refused('an enumerator in the midst of others'),
    ],
  },
  {
    number: 25,
    what: 'New functions and data, also shared by two objects',
    handled: 'Defined once, used by all objects of the livepatch',
    codes: ['symbol-name-conflict', 'defined-elsewhere', 'section-not-for-modules'],
    proofs: [
      unit('provide', 'is its new globals and its functions that are static no more'),
      unit('distill/lookup', "prefers what the unit's own module has to what another object adds"),
      qemu('symbols', 'a variable that is static no more, used by another file'),
      qemu('symbols', 'a name that vmlinux gets and a module has, and callbacks of each'),
      qemu('symbols', 'new per-CPU variables of several kinds'),
      behaviour('functions', 'new functions with tables of texts'),
    ],
  },
  {
    number: 26,
    what: 'Assembly, vDSO, real mode, Rust, Kconfig, Makefiles',
    codes: [
      'assembly-changed',
      'file-asm-changed',
      'build-file-changed',
      'rust-changed',
      'object-not-livepatchable',
      'not-built',
      'generated-not-remade',
    ],
    proofs: [
      unit('kernel/preflight', 'assembly-changed'),
      unit('kernel/generated', 'is told of'),
      unit('object/assembly', 'refuses assembly that the patch changes'),
      refused('assembly'),
      refused('instructions of a C file outside functions that change places', ['x86_64']),
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
      unit('object/agree', 'takes a text for no name'),
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
];

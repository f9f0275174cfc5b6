import { unit, qemu, behaviour, refused, loaded, type LivepatchClass } from './class.js';

/** What new code refers to in the running kernel, and the records that go with code. */
export const references: readonly LivepatchClass[] = [
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
      unit('kernel/static-keys', 'are those that the kernel makes read-only and would write to'),
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
    handled:
      'Carried with their function; what only the boot of vmlinux reads is refused; the printk index goes on listing the messages that the kernel was built with',
    codes: ['section-not-for-modules'],
    proofs: [
      unit('diff/refuse', 'lets data come and go in %s'),
      unit('diff/diff', 'lets the index of messages list what it was built with'),
      loaded,
      behaviour('mechanisms', 'writes to a bad address of user space, past alternatives'),
      behaviour('mechanisms', 'warnings of patched functions name file and line of the patch'),
      behaviour('mechanisms', 'debug messages of a patched function, with a changed text'),
    ],
  },
  {
    number: 18,
    what: 'ORC, return and retpoline sites, IBT',
    handled:
      'objtool runs over the generated object as the build recorded it; its list of functions that are to lose their ENDBR is left out',
    codes: ['objtool-warning'],
    proofs: [
      unit('klp/commands', 'objtool for each object'),
      unit('klp/unseal', 'leaves the marks for indirect calls'),
      qemu('each-kernel', "the kernel's own selftests pass"),
    ],
  },
];

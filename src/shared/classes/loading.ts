import { unit, qemu, behaviour, type LivepatchClass } from './class.js';

/** What happens when a livepatch is loaded, applied and taken back. */
export const loading: readonly LivepatchClass[] = [
  {
    number: 29,
    what: 'Modules that are not loaded yet, or loaded again',
    handled: 'Late relocations, where they can be written',
    codes: ['late-relocation-impossible', 'module-loads-once', 'state-outlives-module'],
    proofs: [
      unit(
        'klp/late',
        'is not loaded a second time by a kernel that leaves them where they are, which is told',
      ),
      unit('diff/refuse', 'tells that new state of a module stays when the module goes'),
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
    handled:
      "A file of callbacks, for all objects or for each its own; symbols of vmlinux can be used in all, a module's in its own",
    codes: ['callbacks-unusable', 'init-code-used'],
    proofs: [
      unit(
        'klp/callback-symbols',
        'are those of a module and what it depends on, where they run for it alone',
      ),
      unit('klp/callback-symbols', 'are not what the kernel has freed'),
      unit(
        'klp/callback-symbols',
        'are declared with the size that they have, and not written to where they are read-only',
      ),
      unit('klp/wrapper', 'hooks callbacks to their object, also one without functions'),
      qemu('examples', 'with callbacks sets a variable of the kernel, and sets it back'),
      qemu('symbols', 'a name that vmlinux gets and a module has, and callbacks of each'),
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
    handled: 'Functions that tasks do not leave are told of; the boot names the tasks and where they are',
    codes: ['transition-stalled', 'disable-stalled', 'livepatch-stuck', 'transition-may-stall'],
    proofs: [
      unit('diff/stalls', 'is told of'),
      qemu('each-kernel', 'a transition that does not end: the task, and where it is'),
    ],
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

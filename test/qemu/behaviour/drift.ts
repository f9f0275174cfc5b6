import type { Behaviour } from './types.js';

/** What comes along though the patch does not touch it, and what cannot be replaced itself. */
export const drift: Behaviour[] = [
  {
    name: 'result-appears',
    about: 'callers that relied on the one result of a static function come along with it',
    // The compiler knows that it returns 0, lets its callers do without the result, and has it return nothing.
    edits: [
      {
        file: 'mm/mlock.c',
        behind: '\nstatic int apply_mlockall_flags(',
        find: 'out:\n	return 0;',
        put: 'out:\n	return flags ? 0 : -EBUSY;',
      },
    ],
    functions: ['apply_mlockall_flags'],
    script: String.raw`
      echo $(syscall mlockall 1) $(syscall munlockall)
      [ $phase != after ] || rmmod klp_probe`,
    seen: { before: '0 0', during: '0 -16', after: '0 0' },
  },
  {
    name: 'argument-appears',
    about: 'a static function whose argument was always the same gets it passed, and comes along',
    arch: 'x86_64',
    edits: [{ file: 'fs/exec.c', find: 'count(envp, MAX_ARG_STRINGS)', put: 'count(envp, 100)' }],
    functions: ['count'],
    script: String.raw`
      printf '#!/bin/sh\necho ran\n' > program
      chmod +x program
      ./program $(seq 150)
      env $(seq 150 | sed 's/.*/V&=1/') ./program 2> /dev/null || echo refused`,
    seen: { before: 'ran\nran', during: 'ran\nrefused', after: 'ran\nran' },
  },
  {
    name: 'untraceable',
    about: 'an inline function that was left out of line comes along, and its caller is replaced',
    edits: [
      {
        file: 'kernel/sys.c',
        behind: 'if (bits & ~(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT))',
        find: 'return -EINVAL;',
        put: 'return -EOPNOTSUPP;',
      },
    ],
    functions: ['prctl_set_mdwe'],
    script: String.raw`
      # PR_SET_MDWE with a bit that is none, and without a bit.
      echo $(syscall prctl 65 8) $(syscall prctl 65 0)
      [ $phase != after ] || rmmod klp_probe`,
    seen: { before: '-22 0', during: '-95 0', after: '-22 0' },
  },
  {
    name: 'included-source',
    about: 'a static function of a .c file that another one includes, whose name the kernel has twice',
    edits: [
      {
        file: 'kernel/sched/debug.c',
        find: '"cpu#%d, %u.%03u MHz\\n"',
        put: '"livepatched cpu#%d, %u.%03u MHz\\n"',
      },
      { file: 'kernel/sched/debug.c', find: '"cpu#%d\\n"', put: '"livepatched cpu#%d\\n"' },
    ],
    functions: ['print_cpu'],
    script: String.raw`
      grep -c ' print_cpu$' /proc/kallsyms
      grep -o '^.*cpu#[0-9]' /sys/kernel/debug/sched/debug
      grep '^cpu: ' /proc/timer_list`,
    seen: {
      before: '2\ncpu#0\ncpu#1\ncpu: 0\ncpu: 1',
      during: '2\nlivepatched cpu#0\nlivepatched cpu#1\ncpu: 0\ncpu: 1',
      after: '2\ncpu#0\ncpu#1\ncpu: 0\ncpu: 1',
    },
  },
  {
    name: 'static-key',
    about: 'a static key of the livepatch switches its own branches',
    edits: [
      {
        file: 'fs/proc/softirqs.c',
        find: 'static int show_softirqs(',
        put: 'static DEFINE_STATIC_KEY_FALSE(read_before);\n\nstatic int show_softirqs(',
      },
      {
        file: 'fs/proc/softirqs.c',
        find: '	seq_puts(p, "                    ");',
        put: [
          '	if (static_branch_unlikely(&read_before))',
          '		seq_puts(p, "again ");',
          '	else',
          '		static_branch_enable(&read_before);',
          '	seq_puts(p, "                    ");',
        ].join('\n'),
      },
    ],
    functions: ['show_softirqs'],
    script: "for i in 1 2 3; do grep -o '^again' /proc/softirqs || echo first; done",
    seen: {
      before: 'first\nfirst\nfirst',
      during: 'first\nagain\nagain',
      after: 'first\nfirst\nfirst',
    },
  },
];

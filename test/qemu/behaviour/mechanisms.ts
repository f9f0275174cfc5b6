import type { Behaviour } from './types.js';

/** Entries that a function leaves in tables of the kernel: faults, reports, branches, trace points, messages. */
export const mechanisms: Behaviour[] = [
  {
    name: 'fault-write',
    about: 'a patched function writes to a bad address of user space, past alternatives: -EFAULT',
    edits: [
      {
        file: 'fs/readdir.c',
        behind: '\nstatic bool filldir64(',
        find: '	buf->error = verify_dirent_name(name, namlen);',
        put: [
          '	if (namlen == 6 && !memcmp(name, "hidden", 6))',
          '		return true;',
          '	buf->error = verify_dirent_name(name, namlen);',
        ].join('\n'),
      },
    ],
    functions: ['filldir64'],
    script: String.raw`
      mkdir -p dir
      touch dir/hidden dir/shown
      ls dir
      exec 5< dir
      syscall getdents64 5 0x10 4096
      [ $phase != after ] || rmmod klp_probe`,
    seen: { before: 'hidden\nshown\n-14', during: 'shown\n-14', after: 'hidden\nshown\n-14' },
  },
  {
    name: 'system-calls',
    about: 'several system calls, one a large switch; what they write to bad addresses',
    edits: [
      { file: 'kernel/sys.c', find: 'mask & S_IRWXUGO', put: 'mask & S_IRWXU' },
      { file: 'kernel/sys.c', find: 'return err ? -EFAULT : 0;', put: 'return err ? -EFAULT : 77;' },
      {
        file: 'kernel/sys.c',
        find: 'task_no_new_privs(current) ? 1 : 0',
        put: 'task_no_new_privs(current) ? 1 : 42',
      },
    ],
    functions: [],
    script: String.raw`
      umask 0327
      umask
      umask 022
      echo getcpu $(syscall getcpu 0 0) $(syscall getcpu 0x10 0) $(syscall getcpu 0 0x10)
      # PDEATHSIG to a bad address, DUMPABLE, KEEPCAPS, TIMERSLACK, NO_NEW_PRIVS, TID_ADDRESS, and one that is none.
      echo prctl $(syscall prctl 2 0x10) $(syscall prctl 3) $(syscall prctl 7) $(syscall prctl 30) \
        $(syscall prctl 39) $(syscall prctl 9999)
      [ $phase != after ] || rmmod klp_probe`,
    seen: {
      before: '0327\ngetcpu 0 -14 -14\nprctl -14 1 0 50000 0 -22',
      during: '0300\ngetcpu 77 -14 -14\nprctl -14 1 0 50000 42 -22',
      after: '0327\ngetcpu 0 -14 -14\nprctl -14 1 0 50000 0 -22',
    },
  },
  {
    name: 'warns',
    about: 'warnings of patched functions name file and line of the patch; those of WARN_ON_ONCE come once',
    edits: [
      {
        file: 'fs/proc/cmdline.c',
        find: '	seq_puts(m, saved_command_line);',
        put: [
          '	WARN_ON_ONCE(m);',
          '	WARN(m && m->private, "private is %p", m->private);',
          '	if (!strcmp(current->comm, "warns"))',
          '		WARN(1, "read by %s\\n", current->comm);',
          '	seq_puts(m, saved_command_line);',
        ].join('\n'),
      },
    ],
    functions: ['cmdline_proc_show'],
    script: String.raw`
      grep -o console= /proc/cmdline | head -n 1
      echo -n warns > /proc/$$/comm
      read -r line < /proc/cmdline
      echo "$line" > line.$phase
      cmp line.before line.$phase`,
    seen: { before: 'console=', during: 'console=', after: 'console=' },
    reports: [
      /^warns: the kernel says: WARNING: CPU: \d PID: \d+ at fs\/proc\/cmdline\.c:10 cmdline_proc_show\+.* \[livepatch_warns\]/,
      /^warns: the kernel says: WARNING: CPU: \d PID: \d+ at fs\/proc\/cmdline\.c:13 cmdline_proc_show\+.* \[livepatch_warns\]/,
    ],
  },
  {
    name: 'once',
    about: 'what was printed once is not printed again by the patched function, nor after it',
    edits: [
      {
        file: 'fs/proc/base.c',
        behind: 'static int __set_oom_adj(',
        find: '	task = get_proc_task(file_inode(file));',
        put: '	if (legacy && oom_adj == 1000)\n		return -EPERM;\n	task = get_proc_task(file_inode(file));',
      },
    ],
    functions: ['__set_oom_adj'],
    script: String.raw`
      echo 3 > /proc/self/oom_adj
      (echo 15 > /proc/self/oom_adj) 2> /dev/null && echo allowed || echo refused
      dmesg | grep -c 'oom_adj is deprecated'`,
    seen: { before: 'allowed\n1', during: 'refused\n1', after: 'allowed\n1' },
  },
  {
    name: 'tracepoint',
    about: 'a trace point that is on stays on, and can be switched while patched',
    edits: [
      {
        file: 'fs/exec.c',
        find: '	trace_task_rename(tsk, buf);',
        put: '	if (!strcmp(buf, "from"))\n		buf = "to";\n	trace_task_rename(tsk, buf);',
      },
    ],
    functions: ['__set_task_comm'],
    script: String.raw`
      event=$tracing/events/task/task_rename/enable
      rename() {
        echo > $tracing/trace
        echo -n from > /proc/$$/comm
        read -r name < /proc/$$/comm
        echo "$1: $name, $(grep -o 'newcomm=from\|newcomm=to' $tracing/trace || echo nothing)"
      }
      [ $phase != before ] || echo 1 > $event
      rename on
      echo 0 > $event
      rename off
      [ $phase = after ] || echo 1 > $event`,
    seen: {
      before: 'on: from, newcomm=from\noff: from, nothing',
      during: 'on: to, newcomm=to\noff: to, nothing',
      after: 'on: from, newcomm=from\noff: from, nothing',
    },
  },
  {
    name: 'jump-label',
    about: 'a static branch of a patched function is as its key was, and follows it',
    edits: [
      {
        file: 'net/ipv4/proc.c',
        find: '	socket_seq_show(seq);',
        put: [
          '	socket_seq_show(seq);',
          '	if (static_branch_unlikely(&net_high_order_alloc_disable_key))',
          '		seq_puts(seq, "high order: disabled\\n");',
          '	if (!static_branch_likely(&net_high_order_alloc_disable_key))',
          '		seq_puts(seq, "high order: enabled\\n");',
        ].join('\n'),
      },
    ],
    functions: ['sockstat_seq_show'],
    script: String.raw`
      key=/proc/sys/net/core/high_order_alloc_disable
      show() { grep 'high order' /proc/net/sockstat || echo nothing; }
      [ $phase != before ] || echo 1 > $key
      show
      if [ $phase = during ]; then
        echo 0 > $key
        show
        echo 1 > $key
        show
      fi
      [ $phase != after ] || echo 0 > $key
      cat $key`,
    seen: {
      before: 'nothing\n1',
      during: 'high order: disabled\nhigh order: enabled\nhigh order: disabled\n1',
      after: 'nothing\n0',
    },
  },
  {
    name: 'dynamic-debug',
    about:
      'debug messages of a patched function, with a changed text, are switched by the name of the function',
    edits: [
      {
        file: 'kernel/params.c',
        find: '"doing %s, parsing ARGS: \'%s\'\\n"',
        put: '"livepatched %s, parsing ARGS: \'%s\'\\n"',
      },
    ],
    functions: ['parse_args'],
    script: String.raw`
      control=/sys/kernel/debug/dynamic_debug/control
      word=doing
      [ "$1" = during ] && word=livepatched
      dmesg -c > /dev/null
      echo "func parse_args +p" > $control
      modprobe dummy numdummies=0
      rmmod dummy
      until dmesg | grep -q "$word dummy, parsing"; do sleep 1; done
      dmesg | grep -o "$word dummy, parsing" | sort -u
      echo "func parse_args -p" > $control
      grep -o 'parse_args =[^ ]*' $control`,
    seen: {
      before: 'doing dummy, parsing\nparse_args =_',
      during: 'livepatched dummy, parsing\nparse_args =_\nparse_args =_',
      after: 'doing dummy, parsing\nparse_args =_',
    },
  },
  {
    name: 'spinlock',
    about: 'a patched function takes a lock and walks a list of the kernel',
    edits: [{ file: 'fs/filesystems.c', find: '"%s\\t%s\\n"', put: '"%s\\t%s\\tlivepatched\\n"' }],
    functions: ['filesystems_proc_show'],
    script: String.raw`
      [ $phase != before ] || cut -f 1,2 /proc/filesystems > names
      cut -f 1,2 /proc/filesystems | cmp - names
      grep -c livepatched /proc/filesystems > marked
      [ $(cat marked) = $(wc -l < names) ] && echo all || cat marked`,
    seen: { before: '0', during: 'all', after: '0' },
  },
  {
    name: 'sysctl',
    about: 'a static function that is only ever called by its address, and the variable that it writes',
    edits: [
      {
        file: 'fs/pipe.c',
        find: '	val = round_pipe_size(*lvalp);',
        put: '	val = 2 * round_pipe_size(*lvalp);',
      },
    ],
    functions: ['do_proc_dopipe_max_size_conv'],
    script: String.raw`
      file=/proc/sys/fs/pipe-max-size
      cat $file
      echo 60000 > $file
      cat $file
      [ $phase != after ] || echo 1048576 > $file`,
    seen: { before: '1048576\n65536', during: '65536\n131072', after: '131072\n65536' },
  },
  {
    name: 'cpuinfo-x86',
    about: 'a function of the architecture',
    arch: 'x86_64',
    edits: [
      { file: 'arch/x86/kernel/cpu/proc.c', find: '"processor\\t: %u\\n"', put: '"livepatched\\t: %u\\n"' },
    ],
    functions: ['show_cpuinfo'],
    script: "grep -c '^processor' /proc/cpuinfo; grep '^livepatched' /proc/cpuinfo",
    seen: { before: '2', during: '0\nlivepatched\t: 0\nlivepatched\t: 1', after: '2' },
  },
  {
    name: 'cpuinfo-arm64',
    about: 'a function of the architecture',
    arch: 'arm64',
    edits: [
      {
        file: 'arch/arm64/kernel/cpuinfo.c',
        find: '"CPU architecture: 8\\n"',
        put: '"CPU architecture: 8 (livepatched)\\n"',
      },
    ],
    functions: ['c_show'],
    script: "grep '^CPU architecture' /proc/cpuinfo | uniq",
    seen: {
      before: 'CPU architecture: 8',
      during: 'CPU architecture: 8 (livepatched)',
      after: 'CPU architecture: 8',
    },
  },
];

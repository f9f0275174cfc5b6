import type { Behaviour } from './types.js';

/** What kinds of functions can be replaced, and what else of the kernel goes on as it was. */
export const functions: Behaviour[] = [
  {
    name: 'static-local',
    about: 'an exported function goes on with its static local and per-cpu variables',
    edits: [
      {
        file: 'fs/inode.c',
        find: '	/* get_next_ino should not provide a 0 inode number */',
        put: '	res += res & 1;\n	/* get_next_ino should not provide a 0 inode number */',
      },
    ],
    functions: ['get_next_ino'],
    // Enough files for the numbers of both processors to run out; one seen before would come from a counter made anew.
    script: String.raw`
      [ $phase = before ] && mkdir ram && mount -t ramfs none ram
      (cd ram && touch $(seq 1 2200 | sed s/^/$phase/))
      ls -i ram | awk -v phase=$phase '
        seen[$1]++ { twice++ }
        $2 ~ "^" phase { odd += $1 % 2; files++ }
        END { print files, odd ? "odd and even" : "even", twice + 0, "twice" }'
      [ $phase = after ] && umount ram
      true`,
    seen: {
      before: '2200 odd and even 0 twice',
      during: '2200 even 0 twice',
      after: '2200 odd and even 0 twice',
    },
  },
  {
    name: 'helper-at-the-end',
    about:
      'a task that sleeps in a new function, which a replaced one ends with, is seen to be in the livepatch',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: '#include <linux/fs.h>',
        put: '#include <linux/delay.h>\n#include <linux/fs.h>',
      },
      {
        file: 'fs/proc/version.c',
        find: 'static int version_proc_show(',
        put: 'static noinline int version_slowly(struct seq_file *m)\n{\n	msleep(2000);\n	return seq_has_overflowed(m);\n}\n\nstatic int version_proc_show(',
      },
      {
        file: 'fs/proc/version.c',
        behind: 'static int version_proc_show(',
        find: '	return 0;',
        put: '	return version_slowly(m);',
      },
    ],
    functions: ['version_proc_show', 'version_slowly'],
    // The kernel lets go of the livepatch when no replaced function is on a stack.
    script: String.raw`
      case $phase in
        during)
          cat /proc/version > told &
          until grep -q version_slowly /proc/$!/stack; do usleep 20000; done
          echo $(grep -o 'version_[a-z_]*' /proc/$!/stack | sort -u) ;;
        after)
          until [ -s told ]; do usleep 20000; done
          grep -c ^Linux told ;;
      esac`,
    seen: { before: '', during: 'version_proc_show version_slowly', after: '1' },
  },
  {
    name: 'by-value',
    about:
      'an exported function of a structure by value, called by a pointer that is older than the livepatch',
    edits: [
      {
        file: 'kernel/groups.c',
        behind: '\nint in_group_p(',
        find: '	return retval;',
        put: '	return retval || grp.val == 4242;',
      },
    ],
    functions: ['in_group_p'],
    script: String.raw`
      echo $(probe call in_group_p 4242) $(probe call in_group_p 4243)
      [ $phase != after ] || rmmod klp_probe`,
    seen: { before: '0 0', during: '1 0', after: '0 0' },
  },
  {
    name: 'taken-address',
    about: 'an address that patched code hands out leads to the original when the livepatch is gone',
    edits: [
      {
        file: 'fs/proc/base.c',
        find: '	return single_open(filp, proc_single_show, inode);',
        put: '	if (filp->f_flags & O_DIRECT)\n		return -EINVAL;\n	return single_open(filp, proc_single_show, inode);',
      },
      {
        file: 'fs/proc/base.c',
        find: '	ret = PROC_I(inode)->op.proc_show(m, ns, pid, task);',
        put: '	seq_puts(m, "Livepatched:\\tyes\\n");\n	ret = PROC_I(inode)->op.proc_show(m, ns, pid, task);',
      },
    ],
    functions: ['proc_single_show', 'proc_single_open'],
    // The file is opened while patched, and read when the code that opened it has been freed.
    script: String.raw`
      head -n 1 /proc/self/status | cut -f 1
      case $phase in
        during)
          sh -c 'exec 5< /proc/self/status; touch opened
            while [ ! -e go ]; do usleep 50000; done
            head -n 1 <&5 | cut -f 1 > late; touch read' &
          until [ -e opened ]; do usleep 50000; done ;;
        after)
          touch go
          until [ -e read ]; do usleep 50000; done
          cat late ;;
      esac`,
    seen: { before: 'Name:', during: 'Livepatched:', after: 'Name:\nName:' },
  },
  {
    name: 'many-arguments',
    about: 'a function with nine arguments, some of them on the stack',
    edits: [
      {
        file: 'net/ipv4/ip_output.c',
        behind: '\nint ip_append_data(',
        find: '	if (flags&MSG_PROBE)',
        put: '	if (length == 1234)\n		return -EMSGSIZE;\n\n	if (flags&MSG_PROBE)',
      },
    ],
    functions: ['ip_append_data'],
    script: String.raw`
      for size in 100 1226; do
        ping -c 1 -W 5 -s $size 127.0.0.1 > /dev/null 2>&1 && echo $size sent || echo $size not sent
      done`,
    seen: {
      before: '100 sent\n1226 sent',
      during: '100 sent\n1226 not sent',
      after: '100 sent\n1226 sent',
    },
  },
  {
    name: 'weak',
    about: 'a weak function that nothing overrides',
    edits: [
      {
        file: 'fs/proc/array.c',
        behind: '__weak void arch_proc_pid_thread_features(',
        find: '{\n',
        put: '{\n	seq_puts(m, "Livepatched:\\tyes\\n");\n',
      },
    ],
    functions: ['arch_proc_pid_thread_features'],
    script: 'tail -n 1 /proc/self/status | cut -f 1',
    seen: {
      before: 'nonvoluntary_ctxt_switches:',
      during: 'Livepatched:',
      after: 'nonvoluntary_ctxt_switches:',
    },
  },
  {
    name: 'header',
    about: 'an inline function of a header, inlined into many functions of several files',
    edits: [
      {
        file: 'fs/proc/internal.h',
        find: '	return get_pid_task(proc_pid(inode), PIDTYPE_PID);',
        put: [
          '	struct task_struct *task = get_pid_task(proc_pid(inode), PIDTYPE_PID);',
          '',
          '	if (task && !strcmp(task->comm, "hidden")) {',
          '		put_task_struct(task);',
          '		return NULL;',
          '	}',
          '	return task;',
        ].join('\n'),
      },
    ],
    functions: ['comm_show', 'proc_ns_readlink', 'proc_fd_getattr'],
    script: String.raw`
      if [ $phase = before ]; then
        sh -c 'echo -n hidden > /proc/$$/comm; touch named; while :; do sleep 1; done' &
        echo $! > pid
        until [ -e named ]; do usleep 50000; done
      fi
      read -r pid < pid
      for file in comm ns/uts fd/1; do
        if [ $file = comm ]; then cat /proc/$pid/comm; else readlink /proc/$pid/$file; fi > /dev/null 2>&1 &&
          echo $file || echo no $file
      done
      readlink /proc/self/ns/uts > /dev/null && echo self
      [ $phase != after ] || kill $pid`,
    seen: {
      before: 'comm\nns/uts\nfd/1\nself',
      during: 'no comm\nno ns/uts\nno fd/1\nself',
      after: 'comm\nns/uts\nfd/1\nself',
    },
  },
  {
    name: 'inlined-static',
    about: 'a static function that has been inlined',
    edits: [
      {
        file: 'kernel/signal.c',
        behind: 'static int check_kill_permission(',
        find: '	if (!valid_signal(sig))',
        put: '	if (sig == SIGUSR2 && si_fromuser(info))\n		return -EPERM;\n\n	if (!valid_signal(sig))',
      },
    ],
    functions: [],
    script: String.raw`
      trap 'echo caught' USR1 USR2
      for signal in USR1 USR2; do kill -$signal $$ 2> /dev/null || echo $signal refused; done`,
    seen: { before: 'caught\ncaught', during: 'caught\nUSR2 refused', after: 'caught\ncaught' },
  },
  {
    name: 'new-data',
    about:
      'new functions with tables of texts, switches, static, per-cpu and locked data, and a message that comes once',
    edits: [
      {
        file: 'fs/proc/loadavg.c',
        find: 'static int loadavg_proc_show(',
        put: [
          'static const char *const ordinals[] = { "never", "first", "second", "third" };',
          'static DEFINE_PER_CPU(unsigned int, reads);',
          'static DEFINE_MUTEX(reads_lock);',
          '',
          'static noinline const char *kind_of(unsigned int n)',
          '{',
          '	switch (n) {',
          '	case 0: return "none";',
          '	case 1: return "one";',
          '	case 2: return "two";',
          '	case 3: return "few";',
          '	case 4: return "some";',
          '	case 5: return "more";',
          '	default: return "many";',
          '	}',
          '}',
          '',
          'static noinline void show_reads(struct seq_file *m)',
          '{',
          '	unsigned int sum = 0;',
          '	int cpu;',
          '',
          '	pr_info_once("%s: livepatched\\n", __func__);',
          '	mutex_lock(&reads_lock);',
          '	this_cpu_inc(reads);',
          '	for_each_possible_cpu(cpu)',
          '		sum += per_cpu(reads, cpu);',
          '	mutex_unlock(&reads_lock);',
          '	seq_printf(m, "%s %s\\n", sum < ARRAY_SIZE(ordinals) ? ordinals[sum] : "later", kind_of(sum));',
          '}',
          '',
          'static int loadavg_proc_show(',
        ].join('\n'),
      },
      {
        file: 'fs/proc/loadavg.c',
        find: '	get_avenrun(avnrun, FIXED_1/200, 0);',
        put: '	show_reads(m);\n	get_avenrun(avnrun, FIXED_1/200, 0);',
      },
    ],
    functions: ['loadavg_proc_show', 'show_reads', 'kind_of'],
    script: String.raw`
      for i in 1 2 3 4; do head -n 1 /proc/loadavg | grep -v '^[0-9]'; done
      dmesg | grep -c 'show_reads: livepatched'`,
    seen: { before: '0', during: 'first one\nsecond two\nthird few\nlater some\n1', after: '1' },
  },
];

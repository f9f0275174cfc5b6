import type { Behaviour } from './types.js';

/** Livepatches of modules, of several objects, and several livepatches. */
export const objects: Behaviour[] = [
  {
    name: 'module-tracepoint',
    about: 'a trace point of a module, in a patched function of that module',
    edits: [
      {
        file: 'fs/ext4/fsync.c',
        find: '	trace_ext4_sync_file_enter(file, datasync);',
        put: '	datasync = 1;\n	trace_ext4_sync_file_enter(file, datasync);',
      },
    ],
    functions: ['ext4_sync_file'],
    script: String.raw`
      event=$tracing/events/ext4/ext4_sync_file_enter/enable
      mkfs() { mke2fs -F $1; }
      write() {
        echo > $tracing/trace
        dd if=/dev/zero of=mnt/file bs=1 count=1 conv=fsync 2> /dev/null
        echo "$1: $(grep -o 'datasync [01]' $tracing/trace || echo nothing)"
      }
      traced() {
        mkdir -p mnt
        mount -t ext4 /dev/loop0 mnt || return
        write off
        echo 1 > $event
        write on
        echo 0 > $event
        write off
        umount mnt
        # ext4 had it loaded; it would keep ext4's other modules.
        rmmod crc32c_generic 2> /dev/null
      }
      if [ -e /sys/module/ext4 ]; then with_image traced; else echo "no ext4"; fi`,
    seen: {
      before: 'off: nothing\non: datasync 0\noff: nothing',
      during: 'off: nothing\non: datasync 1\noff: nothing',
      after: 'off: nothing\non: datasync 0\noff: nothing',
    },
  },
  {
    name: 'module-per-cpu',
    about: 'a function of a driver that counts for each processor',
    edits: [
      {
        file: 'drivers/net/dummy.c',
        find: '	dev_lstats_add(dev, skb->len);',
        put: '	dev_lstats_add(dev, skb->len + 1000);',
      },
    ],
    functions: ['dummy_xmit'],
    script: String.raw`
      statistics=/sys/class/net/dummy0/statistics
      echo 1 > /proc/sys/net/ipv6/conf/dummy0/disable_ipv6
      ip addr add 10.9.9.1/24 dev dummy0
      ip link set dummy0 up
      read -r before < $statistics/tx_bytes
      ping -c 1 -W 1 10.9.9.2 > /dev/null
      read -r now < $statistics/tx_bytes
      echo $((now - before))
      ip link set dummy0 down
      ip addr flush dev dummy0`,
    seen: { before: '98', during: '1098', after: '98' },
  },
  {
    name: 'module-mount',
    about: 'what a module shows of its mounts',
    edits: [
      {
        file: 'fs/overlayfs/params.c',
        find: '	if (ofs->config.default_permissions)',
        put: '	seq_puts(m, ",livepatched");\n	if (ofs->config.default_permissions)',
      },
    ],
    functions: ['ovl_show_options'],
    script: String.raw`
      mkdir -p one two merged
      touch one/a two/b
      mount -t overlay -o lowerdir=one:two none merged
      ls merged
      grep -o 'lowerdir=one:two.*livepatched' /proc/mounts
      umount merged`,
    seen: { before: 'a\nb', during: 'a\nb\nlowerdir=one:two,livepatched', after: 'a\nb' },
  },
  {
    name: 'several-objects',
    about:
      'one livepatch of the kernel and of two modules, which share a new function with its static variable',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: 'static int version_proc_show(',
        put: [
          'int livepatch_reads(void);',
          'noinline int livepatch_reads(void)',
          '{',
          '	static int reads;',
          '',
          '	return ++reads;',
          '}',
          '',
          'static int version_proc_show(',
        ].join('\n'),
      },
      {
        file: 'fs/proc/version.c',
        find: '		utsname()->version);',
        put: '		utsname()->version);\n	seq_printf(m, "read %d\\n", livepatch_reads());',
      },
      {
        file: 'fs/ext4/sysfs.c',
        find: 'static ssize_t ext4_attr_show(',
        put: 'int livepatch_reads(void);\n\nstatic ssize_t ext4_attr_show(',
      },
      {
        file: 'fs/ext4/sysfs.c',
        find: 'sysfs_emit(buf, "supported\\n")',
        put: 'sysfs_emit(buf, "supported, read %d\\n", livepatch_reads())',
      },
      {
        file: 'drivers/block/loop.c',
        find: 'static ssize_t loop_attr_offset_show(',
        put: 'int livepatch_reads(void);\n\nstatic ssize_t loop_attr_offset_show(',
      },
      {
        file: 'drivers/block/loop.c',
        find: 'sysfs_emit(buf, "%llu\\n", (unsigned long long)lo->lo_offset)',
        put: 'sysfs_emit(buf, "%llu, read %d\\n", (unsigned long long)lo->lo_offset, livepatch_reads())',
      },
    ],
    functions: ['version_proc_show', 'ext4_attr_show', 'loop_attr_do_show_offset', 'livepatch_reads'],
    script: String.raw`
      dd if=/dev/zero of=image bs=1024 count=64 2> /dev/null
      losetup /dev/loop0 image
      tail -n 1 /proc/version | grep -o 'read .*'
      cat /sys/fs/ext4/features/lazy_itable_init
      cat /sys/block/loop0/loop/offset
      tail -n 1 /proc/version | grep -o 'read .*'
      losetup -d /dev/loop0`,
    seen: {
      before: 'supported\n0',
      during: 'read 1\nsupported, read 2\n0, read 3\nread 4',
      after: 'supported\n0',
    },
  },
  {
    name: 'first',
    about: 'a second livepatch of the same function goes on top, and gives it back to the first',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: '		utsname()->version);',
        put: '		utsname()->version);\n	seq_puts(m, "first\\n");',
      },
    ],
    noReplace: true,
    functions: ['version_proc_show'],
    script: String.raw`
      show() { sed 's/^Linux version .*/Linux/' /proc/version | xargs echo; }
      show
      if [ $phase = during ]; then
        livepatch_in second
        show
        livepatch_out second
        show
      fi`,
    seen: { before: 'Linux', during: 'Linux first\nLinux second\nLinux first', after: 'Linux' },
  },
  {
    name: 'second',
    about: 'a livepatch that leaves others active',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: '		utsname()->version);',
        put: '		utsname()->version);\n	seq_puts(m, "second\\n");',
      },
    ],
    noReplace: true,
    functions: ['version_proc_show'],
    script: String.raw`
      [ $phase != during ] || livepatch_in first
      sed 's/^Linux version .*/Linux/' /proc/version | xargs echo
      [ $phase != during ] || livepatch_out first`,
    seen: { before: 'Linux', during: 'Linux first', after: 'Linux' },
  },
  {
    name: 'replaced',
    about: 'a livepatch takes the place of another: all of that is gone, and comes back the same way',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: '		utsname()->version);',
        put: '		utsname()->version);\n	seq_puts(m, "replaced\\n");',
      },
      { file: 'fs/proc/cmdline.c', find: "seq_putc(m, '\\n');", put: 'seq_puts(m, " replaced\\n");' },
    ],
    functions: ['version_proc_show', 'cmdline_proc_show'],
    script: String.raw`
      show() {
        sed 's/^Linux version .*/Linux/' /proc/version | xargs echo
        grep -o ' replaced' /proc/cmdline
      }
      show
      if [ $phase = during ]; then
        livepatch_in replacing
        livepatch_gone replaced
        show
        livepatch_in replaced
        livepatch_gone replacing
        show
      fi`,
    seen: {
      before: 'Linux',
      during: 'Linux replaced\n replaced\nLinux replacing\nLinux replaced\n replaced',
      after: 'Linux',
    },
  },
  {
    name: 'replacing',
    about: 'a livepatch that takes the place of those that stack',
    edits: [
      {
        file: 'fs/proc/version.c',
        find: '		utsname()->version);',
        put: '		utsname()->version);\n	seq_puts(m, "replacing\\n");',
      },
    ],
    functions: ['version_proc_show'],
    script: "sed 's/^Linux version .*/Linux/' /proc/version | xargs echo",
    seen: { before: 'Linux', during: 'Linux replacing', after: 'Linux' },
  },
];

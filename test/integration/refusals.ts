import type { Code } from '../../src/shared/codes.js';
import type { Edit } from '../qemu/behaviour/types.js';

/** A patch that cannot be livepatched, and what is said of it. */
export interface Refusal {
  name: string;
  about: string;
  /** The architecture that has the file; every one when left out. */
  arch?: string;
  edits: Edit[];
  code: Code;
  /** Where the finding is; the first edited file when left out. */
  file?: string;
  message: RegExp;
}

/** A remark at the end of a line that occurs once: for files whose kind alone decides. */
const remark = (file: string, find: string, sign = '/* livepatched */'): Edit[] => [
  { file, find, put: `${find} ${sign}` },
];

const useOfField: Edit = {
  file: 'net/packet/af_packet.c',
  find: '		match->flags = flags;',
  put: '		match->flags = flags;\n		match->livepatched = 1;',
};

export const refusals: Refusal[] = [
  {
    name: 'signature',
    about: 'other results of functions that a table of the kernel points to',
    edits: [
      { file: 'fs/fat/fatent.c', find: 'int (*ent_get)', put: 'long (*ent_get)' },
      { file: 'fs/fat/fatent.c', find: 'static int fat12_ent_get', put: 'static long fat12_ent_get' },
      { file: 'fs/fat/fatent.c', find: 'static int fat16_ent_get', put: 'static long fat16_ent_get' },
      { file: 'fs/fat/fatent.c', find: 'static int fat32_ent_get', put: 'static long fat32_ent_get' },
    ],
    code: 'signature-changed',
    message: /result of fat\d\d_ent_get change, and fat\d\d_ops holds a pointer to it/,
  },
  {
    name: 'untraceable',
    about: 'a function of a folder that is built without tracing, which other files call',
    edits: [{ file: 'lib/argv_split.c', find: '	argv--;', put: '	if (!argv)\n		return;\n	argv--;' }],
    code: 'not-traceable',
    message: /argv_free changes, but ftrace cannot redirect it, and code in other files may call it/,
  },
  {
    name: 'pointee',
    about: 'a field that leads to memory of another layout',
    edits: [{ file: 'net/sched/sch_sfq.c', find: '	sfq_index	*ht;', put: '	u32		*ht;' }],
    code: 'struct-layout-changed',
    message: /struct sfq_sched_data.*\(ht: .*pointer to 16 bits -> .*pointer to 32 bits\)/,
  },
  {
    name: 'layout',
    about: 'a new field within a structure of a header',
    edits: [
      {
        file: 'net/packet/internal.h',
        find: '	u32			max_num_members;',
        put: '	u32			livepatched;\n	u32			max_num_members;',
      },
      useOfField,
    ],
    code: 'struct-layout-changed',
    message: /struct packet_fanout.*livepatched/,
  },
  {
    name: 'layout-hole',
    about: 'a new field in the hole of a structure, which moves no other',
    edits: [
      {
        file: 'net/packet/internal.h',
        behind: 'struct packet_fanout {',
        find: '	u8			flags;',
        put: '	u8			flags;\n	u8			livepatched;',
      },
      useOfField,
    ],
    code: 'struct-layout-changed',
    message: /struct packet_fanout.*livepatched/,
  },
  {
    name: 'layout-variable',
    about: 'a variable that becomes another structure of the same form',
    edits: [
      {
        file: 'kernel/user.c',
        find: 'static struct hlist_head uidhash_table[',
        put: 'static struct rb_root uidhash_table[',
      },
      {
        file: 'kernel/user.c',
        find: '#define uidhashentry(uid)\t(uidhash_table',
        put: '#define uidhashentry(uid)\t((struct hlist_head *)uidhash_table',
      },
      {
        file: 'kernel/user.c',
        find: 'INIT_HLIST_HEAD(uidhash_table + n)',
        put: 'INIT_HLIST_HEAD((struct hlist_head *)uidhash_table + n)',
      },
      {
        file: 'kernel/user.c',
        find: 'spin_lock_irqsave(&uidhash_lock, flags);\n\tret =',
        put: 'if (RB_EMPTY_ROOT(uidhash_table))\n\t\treturn NULL;\n\tspin_lock_irqsave(&uidhash_lock, flags);\n\tret =',
      },
    ],
    code: 'struct-layout-changed',
    message: /variable uidhash_table changes its layout \(.*first/,
  },
  {
    name: 'layout-macro',
    about: 'a macro that is the length of an array in a structure',
    edits: [
      {
        file: 'net/sched/sch_qfq.c',
        find: '#define QFQ_MAX_INDEX\t\t24',
        put: '#define QFQ_MAX_INDEX\t\t25',
      },
    ],
    code: 'struct-layout-changed',
    message: /struct qfq_sched.*groups/,
  },
  {
    name: 'layout-enumerator',
    about: 'an enumerator that is the length of an array in a structure',
    edits: [{ file: 'fs/ext4/ext4.h', find: '	EXT4_MB_NUM_CRS', put: '	CR_LIVEPATCHED,\n	EXT4_MB_NUM_CRS' }],
    code: 'struct-layout-changed',
    message: /struct ext4_sb_info.*s_bal_cX_/,
  },
  {
    name: 'enumerator-moved',
    about: 'an enumerator in the midst of others',
    edits: [
      {
        file: 'fs/ext4/ext4.h',
        find: '	CR_BEST_AVAIL_LEN,',
        put: '	CR_LIVEPATCHED,\n	CR_BEST_AVAIL_LEN,',
      },
      { file: 'fs/ext4/ext4.h', find: '	EXT4_MB_NUM_CRS', put: '	EXT4_MB_NUM_CRS = 5' },
    ],
    code: 'enumerators-renumbered',
    message: /CR_BEST_AVAIL_LEN \(\d -> \d\)/,
  },
  {
    name: 'kconfig',
    about: 'an option of the configuration',
    edits: [{ file: 'fs/fat/Kconfig', find: 'Enable FAT UTF-8 option', put: 'Have the FAT UTF-8 option' }],
    code: 'build-file-changed',
    message: /fs\/fat\/Kconfig/,
  },
  {
    name: 'makefile',
    about: 'a Makefile',
    edits: [{ file: 'fs/fat/Makefile', find: 'inode.o misc.o', put: 'inode.o misc.o more.o' }],
    code: 'build-file-changed',
    message: /fs\/fat\/Makefile/,
  },
  {
    name: 'rust',
    about: 'Rust code',
    edits: [{ file: 'rust/kernel/print.rs', find: 'pr_cont!(" {}', put: 'pr_cont!("  {}' }],
    code: 'rust-changed',
    message: /print\.rs is Rust code/,
  },
  {
    name: 'sealed',
    about: 'a pointer to a function that the kernel calls by name alone',
    arch: 'x86_64',
    edits: [
      {
        file: 'fs/proc/meminfo.c',
        find: '	si_swapinfo(&i);',
        put: '	si_swapinfo(&i);\n	seq_printf(m, "%ps\\n", si_swapinfo);',
      },
    ],
    code: 'address-newly-taken',
    message: /meminfo_proc_show takes the address of si_swapinfo, .* by its name alone/,
  },
  {
    name: 'newly-pointed-to',
    about: 'a pointer to a static function that was only called',
    edits: [
      {
        file: 'fs/pipe.c',
        behind: 'static int fifo_open(',
        find: '	filp->f_pipe = 0;',
        put: '	filp->f_pipe = 0;\n	pr_info("%ps\\n", wait_for_partner);',
      },
    ],
    code: 'address-newly-taken',
    message:
      /fifo_open takes the address of wait_for_partner, which the kernel has as a function that is only called/,
  },
  {
    name: 'assembly-x86',
    about: 'assembly',
    arch: 'x86_64',
    edits: remark('arch/x86/lib/copy_page_64.S', 'EXPORT_SYMBOL(copy_page)'),
    code: 'assembly-changed',
    message: /copy_page_64\.S is assembly/,
  },
  {
    name: 'initcall',
    about: 'an initcall that is not marked __init',
    edits: [
      {
        file: 'mm/mmap.c',
        behind: 'static int init_user_reserve(void)',
        find: 'SZ_128K',
        put: 'SZ_64K',
      },
    ],
    code: 'init-function-changed',
    message: /init_user_reserve is an initcall, and nothing else calls it/,
  },
  {
    name: 'module-exit',
    about: 'what a module does when it is unloaded',
    edits: [
      {
        file: 'drivers/net/dummy.c',
        behind: 'static void __exit dummy_cleanup_module(void)',
        find: '{',
        put: '{\n	pr_info("going\\n");',
      },
    ],
    code: 'init-function-changed',
    message: /cleanup_module is in \.exit\.text: ftrace cannot redirect it/,
  },
  {
    name: 'file-asm',
    about: 'instructions of a C file outside functions that change places',
    arch: 'x86_64',
    edits: [
      {
        file: 'arch/x86/kernel/rethook.c',
        find: '	"	pushq %rsp\\n"\n	"	pushfq\\n"',
        put: '	"	pushfq\\n"\n	"	pushq %rsp\\n"',
      },
    ],
    code: 'file-asm-changed',
    message: /assembly at file level differs in arch\/x86\/kernel\/rethook\.c/,
  },
  {
    name: 'real-mode',
    about: 'code that runs in real mode',
    arch: 'x86_64',
    edits: remark('arch/x86/realmode/rm/reboot.S', 'SYM_DATA_END(machine_real_restart_gdt)'),
    code: 'object-not-livepatchable',
    message: /reboot\.S is compiled to .*reboot\.o, which is linked neither/,
  },
  {
    name: 'boot',
    about: "code of the kernel's loader, which is linked apart",
    arch: 'x86_64',
    edits: [{ file: 'arch/x86/boot/a20.c', find: 'if (!--ffs)', put: 'if (--ffs == 0)' }],
    code: 'object-not-livepatchable',
    message: /a20\.c is compiled to arch\/x86\/boot\/a20\.o, which is linked neither/,
  },
  {
    name: 'linker-script-x86',
    about: 'the linker script',
    arch: 'x86_64',
    edits: remark('arch/x86/kernel/vmlinux.lds.S', '		HEAD_TEXT'),
    code: 'build-file-changed',
    message: /vmlinux\.lds\.S/,
  },
  {
    name: 'vdso-x86',
    about: 'code of the vDSO, which runs in programs',
    arch: 'x86_64',
    edits: [
      {
        file: 'arch/x86/entry/vdso/vclock_gettime.c',
        find: 'return __cvdso_time(t);',
        put: 'return __cvdso_time(t) + 1;',
      },
    ],
    code: 'object-not-livepatchable',
    message: /vclock_gettime\.o, which is linked neither/,
  },
  {
    name: 'vdso-shared',
    about: 'code that the vDSO includes',
    edits: [
      {
        file: 'lib/vdso/gettimeofday.c',
        behind: 'static inline bool vdso_cycles_ok(',
        find: 'return true;',
        put: 'return cycles != 0;',
      },
    ],
    code: 'object-not-livepatchable',
    message: /gettimeofday\.c is read by arch\/.*\.o alone, which is linked apart/,
  },
  {
    name: 'vdso-header',
    about: 'a header that the kernel and the vDSO read',
    edits: [{ file: 'include/vdso/math64.h', find: 'ret++;', put: 'ret += 2;' }],
    code: 'object-not-livepatchable',
    message:
      /, which is linked apart from the kernel, reads include\/vdso\/math64\.h and differs with the patch/,
  },
  {
    name: 'linker-script-header',
    about: 'a header that the linker script alone reads',
    arch: 'arm64',
    edits: remark('arch/arm64/kernel/image-vars.h', '#ifndef LINKER_SCRIPT'),
    code: 'object-not-livepatchable',
    message:
      /image-vars\.h is read by arch\/arm64\/kernel\/vmlinux\.lds alone, which the kernel was linked by/,
  },
  {
    name: 'linker-script-constant',
    about: 'a constant of a header that makes a difference to the linker script alone',
    arch: 'arm64',
    edits: [
      {
        file: 'arch/arm64/include/asm/kernel-pgtable.h',
        find: '#define INIT_DIR_SIZE (',
        put: '#define INIT_DIR_SIZE (PAGE_SIZE + ',
      },
    ],
    code: 'object-not-livepatchable',
    message:
      /vmlinux\.lds\.S, which the kernel was linked by, reads .*kernel-pgtable\.h and differs with the patch/,
  },
  {
    name: 'assembly-arm64',
    about: 'assembly',
    arch: 'arm64',
    edits: remark('arch/arm64/lib/copy_page.S', 'SYM_FUNC_START(__pi_copy_page)'),
    code: 'assembly-changed',
    message: /copy_page\.S is assembly/,
  },
  {
    name: 'linker-script-arm64',
    about: 'the linker script',
    arch: 'arm64',
    edits: remark('arch/arm64/kernel/vmlinux.lds.S', '		HEAD_TEXT'),
    code: 'build-file-changed',
    message: /vmlinux\.lds\.S/,
  },
  {
    name: 'vdso-arm64',
    about: 'code of the vDSO, which runs in programs',
    arch: 'arm64',
    edits: [
      {
        file: 'arch/arm64/kernel/vdso/vgettimeofday.c',
        find: 'return __cvdso_clock_getres(clock_id, res);',
        put: 'return __cvdso_clock_getres(clock_id, res) + 1;',
      },
    ],
    code: 'object-not-livepatchable',
    message: /vgettimeofday\.o, which is linked neither/,
  },
  {
    name: 'before-mapping',
    about: 'code that runs before the kernel is mapped, in the kernel under other names',
    arch: 'arm64',
    edits: [
      {
        file: 'arch/arm64/kernel/pi/map_kernel.c',
        behind: 'asmlinkage void __init early_map_kernel(',
        find: '{\n',
        put: '{\n	barrier();\n',
      },
    ],
    code: 'object-not-livepatchable',
    message: /pi\/map_kernel/,
  },
];

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportBootAssets } from '../../src/controller/boot.js';
import { controllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { generateInImage } from '../../src/controller/generate.js';
import { ensureImage, type Image } from '../../src/controller/images.js';
import { parseSource, resolveSource } from '../../src/controller/sources.js';
import { readElf } from '../../src/engine/elf/read.js';
import { modinfo } from '../../src/engine/klp/check.js';
import type { ResultDocument } from '../../src/shared/result.js';
import { patchedModules } from '../../src/verify/livepatch.js';
import type { VerifyCase } from '../../src/verify/types.js';
import { verify } from '../../src/verify/verify.js';
import { nameOf, pinnedKernels } from '../setup/engine.js';
import { unpackFiles } from './sources.js';

/** A change of one file: text that is there, and what takes its first place. */
interface Edit {
  file: string;
  find: string;
  put: string;
}

interface Case {
  edits: Edit[];
  /** A C file of callbacks. */
  callbacks?: string;
  /** What the module is to show in each phase; see `shown`. */
  script?: string;
  objects?: string[];
  expect?: (result: ResultDocument) => void;
}

const names = (result: ResultDocument): string[] => result.functions.map((f) => f.name);
const klp = (result: ResultDocument, name: string) => result.symbols.find((s) => s.name === name);
const found = (result: ResultDocument): string[] => result.findings.map((f) => f.code);

/** A script that looks at a feature of ext4, where that is loaded. */
const ext4Feature = (during: string): string => `file=/sys/fs/ext4/features/lazy_itable_init
[ -e "$file" ] || exit 0
value=$(cat "$file")
echo "phase $1: $value"
case $1 in
during) [ "$value" = ${during} ] ;;
*) [ "$value" = supported ] ;;
esac
`;

/** A script that compares what a command prints with what the phase shall show; `kept` holds the value before. */
const shown = (command: string, during: string): string => `set -e
value=$(${command})
echo "phase $1: $value"
case $1 in
before) echo "$value" > kept ;;
during) kept=$(cat kept); [ ${during} ] ;;
after) [ "$value" = "$(cat kept)" ] ;;
esac
`;

const cmdline = (more: string, before = ''): Edit[] => [
  {
    file: 'fs/proc/cmdline.c',
    find: 'static int cmdline_proc_show',
    put: `${before}static int cmdline_proc_show`,
  },
  { file: 'fs/proc/cmdline.c', find: "seq_putc(m, '\\n');", put: `${more}\n\tseq_putc(m, '\\n');` },
];

const good: Record<string, Case> = {
  'a system call': {
    edits: [
      {
        file: 'kernel/sys.c',
        find: 'if (len < 0 || len > __NEW_UTS_LEN)',
        put: 'if (len < 0 || len == 7 || len > __NEW_UTS_LEN)',
      },
    ],
    script: shown('hostname 1234567 2> /dev/null && echo taken || echo refused', '"$value" = refused'),
    expect: (result) => expect(names(result).join()).toMatch(/sys_sethostname/),
  },
  'a per-CPU variable': {
    edits: [
      {
        file: 'fs/dcache.c',
        find: 'return sum < 0 ? 0 : sum;',
        put: 'return (sum < 0 ? 0 : sum) + (sum > 10 ? 5000000 : 0);',
      },
    ],
    script: `set -e
value=$(cut -f 1 /proc/sys/fs/dentry-state)
echo "phase $1: $value"
case $1 in
during) [ "$value" -gt 5000000 ] ;;
*) [ "$value" -lt 5000000 ] ;;
esac
`,
    expect: (result) => expect(klp(result, 'nr_dentry')?.object).toBe('vmlinux'),
  },
  'new per-CPU variables of several kinds': {
    edits: cmdline(
      [
        '\tthis_cpu_add(reads, this_cpu_read(weight));',
        '\tfor_each_possible_cpu(cpu) {',
        '\t\tcpus++;',
        '\t\tsum += per_cpu(reads, cpu);',
        '\t\tweights += per_cpu(weight, cpu);',
        '\t}',
        '\tseq_puts(m, sum && sum % 3 == 0 && weights == 3 * cpus ? " each" : " astray");',
      ].join('\n'),
      '#include <linux/percpu.h>\nstatic DEFINE_PER_CPU_SHARED_ALIGNED(unsigned long, reads);\nstatic DEFINE_PER_CPU_READ_MOSTLY(unsigned long, weight) = 3;\n\n',
    ).concat({
      file: 'fs/proc/cmdline.c',
      find: '{\n',
      put: '{\n\tunsigned long cpus = 0, sum = 0, weights = 0;\n\tint cpu;\n\n',
    }),
    script: shown('cat /proc/cmdline', '"$value" = "$kept each"'),
    expect: (result) => {
      const ko = result.artifacts.find((a) => a.path.endsWith('.ko'))?.path ?? '';
      const perCpu = readElf(readFileSync(ko), ko).sections.filter((s) => s.name.startsWith('.data..percpu'));
      expect(perCpu).toMatchObject([{ name: '.data..percpu' }]);
      expect(perCpu[0]?.align).toBeGreaterThanOrEqual(64);
    },
  },
  'read-mostly data': {
    edits: [
      {
        file: 'mm/util.c',
        find: 'allowed += total_swap_pages;',
        put: 'allowed += total_swap_pages + sysctl_overcommit_ratio;',
      },
    ],
    script: shown(
      "sed -n 's/CommitLimit: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo",
      '"$value" -eq "$((kept + 200))"',
    ),
    expect: (result) => expect(klp(result, 'sysctl_overcommit_ratio')?.sympos).toBe(0),
  },
  'a function whose name another object has too': {
    edits: [{ file: 'fs/proc/consoles.c', find: 'return con;', put: 'return NULL;' }],
    script: shown('cat /proc/consoles', '-z "$value" ] && grep -q . /proc/cpuinfo && [ -n "$kept"'),
    expect: (result) => expect(result.functions).toMatchObject([{ name: 'c_start', sympos: 2 }]),
  },
  'an export of a namespace': {
    edits: cmdline(
      '\tif (m->count == m->size)\n\t\tinsert_resource_expand_to_fit(&iomem_resource, NULL);\n\tseq_puts(m, " patched");',
      '#include <linux/ioport.h>\n',
    ),
    script: shown('cat /proc/cmdline', '"$value" = "$kept patched"'),
    expect: (result) => {
      const ko = result.artifacts.find((a) => a.path.endsWith('.ko'))?.path ?? '';
      expect(modinfo(readElf(readFileSync(ko), ko)).get('import_ns')).toEqual(['CXL']);
      expect(klp(result, 'insert_resource_expand_to_fit')).toBeUndefined();
    },
  },
  'a variable that is static no more, used by another file': {
    edits: [
      { file: 'fs/file_table.c', find: 'static struct files_stat_struct', put: 'struct files_stat_struct' },
      ...cmdline(
        '\tseq_printf(m, " %lu", files_stat.max_files);',
        'extern struct files_stat_struct files_stat;\n',
      ),
    ],
    // Its initial value is another one than the one that the kernel works out at boot.
    script: shown('cat /proc/cmdline', '"$value" = "$kept $(cat /proc/sys/fs/file-max)"'),
    expect: (result) => {
      expect(names(result)).toEqual(['cmdline_proc_show']);
      expect(klp(result, 'files_stat')?.object).toBe('vmlinux');
    },
  },
  'what other modules export': {
    edits: [
      {
        file: 'fs/ext4/sysfs.c',
        find: '#include <linux/time.h>',
        put: '#include <linux/time.h>\n#include <linux/mbcache.h>',
      },
      {
        file: 'fs/ext4/sysfs.c',
        find: 'return sysfs_emit(buf, "supported\\n");',
        put: '{\n\t\tstruct mb_cache *cache = mb_cache_create(4);\n\n\t\tif (!IS_ERR_OR_NULL(cache))\n\t\t\tmb_cache_destroy(cache);\n\t\treturn sysfs_emit(buf, "%s\\n", IS_ERR_OR_NULL(cache) ? "no cache" : "cached");\n\t}',
      },
    ],
    objects: ['ext4'],
    script: ext4Feature('cached'),
    expect: (result) => expect(klp(result, 'mb_cache_create')?.object).toBe('mbcache'),
  },
  'a name that vmlinux gets and a module has, and callbacks of each': {
    edits: [
      ...cmdline(
        '\tseq_printf(m, " %u", ext4_count_free(NULL, 9));',
        'unsigned int ext4_count_free(char *bitmap, unsigned int numchars);\nnoinline unsigned int ext4_count_free(char *bitmap, unsigned int numchars)\n{\n\treturn numchars - 2;\n}\n\n',
      ),
      {
        file: 'fs/ext4/sysfs.c',
        find: 'return sysfs_emit(buf, "supported\\n");',
        put: 'return sysfs_emit(buf, "supported, %u\\n", ext4_count_free("a", 1));',
      },
    ],
    // The module is not patched, or the livepatch not loaded, where a callback finds something else.
    callbacks: `#include <linux/livepatch.h>
#include <linux/fs.h>
#include "llpatch.h"
LLPATCH_DECLARE_SYMBOL(struct file_system_type, ext4, fs/ext4/super.c, ext4_fs_type);
LLPATCH_DECLARE_SYMBOL(unsigned int, pipe, fs/pipe.c, pipe_max_size);
static int calls;
static noinline int judge(int right)
{
	calls++;
	return right ? 0 : -EINVAL;
}
static int pre_patch_callback(struct klp_object *obj)
{
	return judge(!obj->name && LLPATCH_SYMBOL(pipe) == 1048576 && !calls);
}
static int pre_patch_callback_ext4(struct klp_object *obj)
{
	return judge(obj->name && !strcmp(LLPATCH_SYMBOL(ext4).name, "ext4") && calls);
}
`,
    objects: ['ext4'],
    // Five bits of "a" are 0.
    script: `set -e
file=/sys/fs/ext4/features/lazy_itable_init
feature=$(cat "$file" 2> /dev/null || echo none)
echo "phase $1: $feature; $(cat /proc/cmdline)"
case $1 in
during)
	grep -q ' 7$' /proc/cmdline
	[ ! -e "$file" ] || [ "$feature" = 'supported, 5' ] ;;
*)
	! grep -q ' 7$' /proc/cmdline
	[ ! -e "$file" ] || [ "$feature" = supported ] ;;
esac
`,
    expect: (result) => {
      expect(klp(result, 'ext4_count_free')?.object).toBe('ext4');
      expect(klp(result, 'ext4_fs_type')?.object).toBe('ext4');
    },
  },
  'a timer of the patch, which a callback stops': {
    edits: cmdline(
      '\tmod_timer(&klp_retry, jiffies + 1);',
      `#include <linux/timer.h>
static void klp_fire(struct timer_list *timer)
{
	pr_info_once("klp_retry: fired\\n");
	mod_timer(timer, jiffies + 1);
}
extern struct timer_list klp_retry;
DEFINE_TIMER(klp_retry, klp_fire);

`,
    ),
    // Without it the timer would fire in memory of the unloaded livepatch.
    callbacks: `#include <linux/timer.h>
extern struct timer_list klp_retry;
static void post_unpatch_callback(struct klp_object *obj)
{
	timer_delete_sync(&klp_retry);
}
`,
    script: `cat /proc/cmdline
sleep 1
fired=$(dmesg | grep -c 'klp_retry: fired')
echo "phase $1: fired $fired"
case $1 in
before) [ "$fired" = 0 ] ;;
*) [ "$fired" = 1 ] ;;
esac
`,
  },
  'new code of a module of which nothing is replaced': {
    edits: [
      {
        file: 'fs/mbcache.c',
        find: 'struct mb_cache_entry *mb_cache_entry_get(',
        put: 'int klp_entry_size(void);\nint klp_entry_size(void)\n{\n\treturn kmem_cache_size(mb_entry_cache);\n}\n\nstruct mb_cache_entry *mb_cache_entry_get(',
      },
      {
        file: 'fs/ext4/sysfs.c',
        find: '#include "ext4.h"',
        put: '#include "ext4.h"\nint klp_entry_size(void);',
      },
      {
        file: 'fs/ext4/sysfs.c',
        find: 'return sysfs_emit(buf, "supported\\n");',
        put: 'return sysfs_emit(buf, klp_entry_size() > 16 ? "sized\\n" : "supported\\n");',
      },
    ],
    objects: ['ext4'],
    script: ext4Feature('sized'),
    expect: (result) => {
      expect(klp(result, 'mb_entry_cache')?.object).toBe('mbcache');
      expect(patchedModules(result.functions)).toEqual(['ext4']);
    },
  },
  'a per-CPU variable of a module': {
    edits: [{ file: 'fs/ext4/mballoc.c', find: 'return __seq;', put: 'return __seq + 0x1000;' }],
    objects: ['ext4'],
    expect: (result) => expect(klp(result, 'discard_pa_seq')?.object).toBe('ext4'),
  },
  'flags of what a function does once': {
    edits: [
      {
        file: 'net/ipv6/inet6_hashtables.c',
        find: 'lhash = (__force u32)laddr->s6_addr32[3];',
        put: '(void)READ_ONCE(laddr->s6_addr32[0]);\n\tlhash = (__force u32)laddr->s6_addr32[3];',
      },
    ],
    expect: (result) => {
      expect(names(result)).toContain('inet6_ehashfn');
      const flags = result.symbols.filter((s) => s.name.startsWith('inet6_ehashfn.___done'));
      expect(flags.length).toBe(2);
    },
  },
  'the address of a new function, with a warning': {
    edits: [
      {
        file: 'fs/proc/version.c',
        find: 'static int version_proc_show',
        put: 'static void show_later(struct work_struct *work)\n{\n}\nstatic DECLARE_WORK(later, show_later);\n\nstatic int version_proc_show',
      },
      { file: 'fs/proc/version.c', find: 'seq_printf(m,', put: 'schedule_work(&later);\n\tseq_printf(m,' },
      {
        file: 'fs/proc/version.c',
        find: '#include <linux/init.h>',
        put: '#include <linux/init.h>\n#include <linux/workqueue.h>',
      },
    ],
    expect: (result) => {
      const given = result.findings.filter((f) => f.code === 'livepatch-address-given');
      expect(given).toMatchObject([{ severity: 'warning', function: 'version_proc_show' }]);
      expect(given[0]?.message).toMatch(/address of later, .* passes it to queue_work_on\(\)$/);
    },
  },
};

const bad: Record<string, { edits: Edit[]; code: string }> = {
  'per-CPU data that has to be in vmlinux': {
    edits: cmdline(
      '\tthis_cpu_inc(shared);',
      '#include <linux/percpu.h>\nstatic DEFINE_PER_CPU_SECTION(unsigned long, shared, "..decrypted");\n\n',
    ),
    code: 'section-not-for-modules',
  },
  'data that the kernel has freed': {
    edits: cmdline('\tseq_puts(m, boot_command_line);', '#include <linux/init.h>\n'),
    code: 'init-code-used',
  },
  'something else done once': {
    edits: [
      {
        file: 'net/ipv6/inet6_hashtables.c',
        find: 'net_get_random_once(&inet6_ehash_secret, sizeof(inet6_ehash_secret));',
        put: 'net_get_random_once(&inet6_ehash_secret, sizeof(u16));',
      },
    ],
    code: 'init-function-changed',
  },
  'an exported function with other parameters': {
    edits: [
      { file: 'include/linux/gcd.h', find: 'unsigned long b)', put: 'unsigned int b)' },
      { file: 'lib/math/gcd.c', find: 'unsigned long b)', put: 'unsigned int b)' },
      { file: 'lib/math/gcd.c', find: 'unsigned long b)', put: 'unsigned int b)' },
    ],
    code: 'export-changed',
  },
};

/** A weak function: the kernel has it where its architecture has none of its own. */
const weak: Edit[] = [
  {
    file: 'fs/proc/meminfo.c',
    find: 'arch_report_meminfo(struct seq_file *m)\n{\n',
    put: 'arch_report_meminfo(struct seq_file *m)\n{\n\tseq_puts(m, "Weak: patched\\n");\n',
  },
];
const overridesWeak = ['x86_64'];

const context = controllerContext({ progress: () => undefined, timings: {} });
const tested = pinnedKernels.filter(({ kernel }) => kernel === '6.12.107');
let scratch: string;
let docker: Awaited<ReturnType<typeof connectEngine>>;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'klp-symbols-'));
  docker = await connectEngine(context);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(tested.map((one) => [nameOf(one), one] as const))('symbols of Linux %s', (name, one) => {
  const cases: VerifyCase[] = [];
  const dir = (): string => join(scratch, name);
  let image: Image;

  beforeAll(async () => {
    image = await ensureImage(docker, one, context);
    const source = await resolveSource(one.kernel, parseSource(undefined), context);
    const edits = [...Object.values(good), ...Object.values(bad)].flatMap((c) => c.edits);
    unpackFiles(
      await source.fetch(),
      [...new Set([...edits, ...weak].map((e) => e.file))],
      join(dir(), 'source'),
    );
  });

  async function generate(title: string, edits: Edit[], callbacks?: string): Promise<ResultDocument> {
    const texts = new Map<string, [string, string]>();
    for (const { file, find, put } of edits) {
      const [before, after] =
        texts.get(file) ?? Array<string>(2).fill(readFileSync(join(dir(), 'source', file), 'utf8'));
      expect(after).toContain(find);
      texts.set(file, [before ?? '', (after ?? '').replace(find, () => put)]);
    }
    const short = title.replace(/\W+/g, '-').slice(0, 40);
    const patch = join(dir(), `${short}.patch`);
    mkdirSync(dirname(patch), { recursive: true });
    const parts = [...texts].map(([file, [a, b]]) => createTwoFilesPatch(`a/${file}`, `b/${file}`, a, b));
    writeFileSync(patch, parts.join(''));
    const file = join(dir(), `${short}.c`);
    if (callbacks !== undefined) writeFileSync(file, callbacks);
    const hooks = callbacks === undefined ? {} : { callbacks: file };
    return await generateInImage(
      docker,
      image,
      { patches: [patch], name: short, outDir: join(dir(), 'out'), ...hooks },
      context,
    );
  }

  function keep(title: string, result: ResultDocument, { script, objects = [] }: Case): void {
    const livepatch = result.artifacts.find((a) => a.path.endsWith('.ko'))?.path ?? '';
    const test = join(dir(), `${cases.length}.sh`);
    if (script !== undefined) writeFileSync(test, script);
    const testScript = script === undefined ? {} : { testScript: test };
    cases.push({ name: title.replace(/\W+/g, '-'), livepatch, objects, moduleLoad: 'both', ...testScript });
  }

  it.each(Object.entries(good))('%s', async (title, one) => {
    const result = await generate(title, one.edits, one.callbacks);
    expect(result.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(result.status).toBe('livepatch');
    one.expect?.(result);
    keep(title, result, one);
  });

  it.each(Object.entries(bad))('%s is refused', async (title, { edits, code }) => {
    const result = await generate(title, edits);
    expect(found(result)).toContain(code);
    expect(result.status).toBe('refused');
  });

  it('a weak function, unless the architecture overrides it', async () => {
    const result = await generate('weak', weak);
    if (overridesWeak.includes(one.arch)) {
      expect(result.status).toBe('refused');
      expect(found(result)).toContain('symbol-not-in-kernel');
      return;
    }
    expect(names(result)).toContain('arch_report_meminfo');
    keep('weak', result, { edits: [], script: shown('grep -c Weak: /proc/meminfo || true', '"$value" = 1') });
  });

  it('all do in the kernel what they say', async () => {
    expect(cases).not.toEqual([]);
    const verified = await verify(
      {
        assets: await exportBootAssets(docker, image, context),
        cases,
        selftests: false,
        cacheDir: context.cacheDir,
      },
      { signal: new AbortController().signal, progress: () => undefined, timings: {} },
    );
    expect(verified.findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(verified.verification.dmesg).toEqual([]);
    expect(verified.ok).toBe(true);
  });
});

import type { Code } from '../codes.js';

/** Source that brings a code about, and what to write instead. */
export interface CodeExample {
  source: string;
  instead: string;
}

const lines = (...text: string[]): string => text.join('\n');

/** Recipes for refusals that source written in another way gets around. */
export const examples: Partial<Record<Code, CodeExample>> = {
  'data-changed': {
    source: lines('-static unsigned int limit = 16;', '+static unsigned int limit = 64;'),
    instead: lines(
      '/* callbacks.c, given with --callbacks: sets the variable of the running kernel */',
      '#include "llpatch.h"',
      'LLPATCH_DECLARE_SYMBOL(unsigned int, limit, fs/foo.c, limit);',
      '',
      '/* for one object, that of the variable, by its name: vmlinux or a module */',
      'static int pre_patch_callback_vmlinux(struct klp_object *obj)',
      '{',
      '	LLPATCH_SYMBOL(limit) = 64;',
      '	return 0;',
      '}',
      '',
      '/* without this one the new value stays after the livepatch is taken back */',
      'static void post_unpatch_callback_vmlinux(struct klp_object *obj)',
      '{',
      '	LLPATCH_SYMBOL(limit) = 16;',
      '}',
    ),
  },
  'data-renamed': {
    source: lines('-static bool on;', '+static bool enabled;'),
    instead: lines(
      ' static bool on;',
      '+/* The old name stays: it holds the state of the running kernel. */',
    ),
  },
  'struct-layout-changed': {
    source: lines(' struct session {', ' 	struct list_head list;', '+	u64 expires;', ' };'),
    instead: lines(
      '#define SESSION_EXPIRES 1',
      '',
      '/* where a session is made */',
      'u64 *expires = klp_shadow_alloc(session, SESSION_EXPIRES, sizeof(*expires), GFP_KERNEL, NULL, NULL);',
      '',
      'if (expires)',
      '	*expires = get_jiffies_64() + lifetime;',
      '',
      '/* where it is read: a session from before the livepatch has none */',
      'u64 *expires = klp_shadow_get(session, SESSION_EXPIRES);',
      '',
      'if (expires && time_after64(get_jiffies_64(), *expires))',
      '	return -ETIMEDOUT;',
      '',
      '/* where it is freed */',
      'klp_shadow_free(session, SESSION_EXPIRES, NULL);',
      '',
      '/* callbacks.c: afterwards nothing frees them with their sessions, and other sessions may come to lie there */',
      '#include <linux/livepatch.h>',
      '#define SESSION_EXPIRES 1',
      '',
      '/* for one object, by its name: vmlinux, or the module whose code this is of */',
      'static void post_unpatch_callback_vmlinux(struct klp_object *obj)',
      '{',
      '	klp_shadow_free_all(SESSION_EXPIRES, NULL);',
      '}',
    ),
  },
  'init-function-changed': {
    source: lines(' static int __init foo_init(void)', ' {', '+	foo_timeout = 30 * HZ;'),
    instead: lines(
      'static int pre_patch_callback_vmlinux(struct klp_object *obj)',
      '{',
      '	LLPATCH_SYMBOL(foo_timeout) = 30 * HZ;	/* what foo_init() would do at the next boot */',
      '	return 0;',
      '}',
    ),
  },
  'init-code-used': {
    source: lines('+	foo_setup(dev);		/* static int __init foo_setup(struct device *) */'),
    instead: lines(
      '+static int foo_setup_again(struct device *dev)	/* a copy without __init */',
      '+{',
      '+	...',
      '+}',
      '+	foo_setup_again(dev);',
    ),
  },
  'registered-data-changed': {
    source: lines('+module_param(limit, int, 0644);'),
    instead: lines('+static int limit = 8;		/* fixed in the livepatch */'),
  },
  'export-changed': {
    source: lines('-int foo_send(struct foo *f);', '+int foo_send(struct foo *f, gfp_t gfp);'),
    instead: lines(
      ' int foo_send(struct foo *f);			/* stays, for modules that call it */',
      '+int foo_send_gfp(struct foo *f, gfp_t gfp);	/* new, for the patched callers; no EXPORT_SYMBOL */',
    ),
  },
  'function-removed': {
    source: lines('-int foo_check(struct foo *f)', '-{', '-	...', '-}'),
    instead: lines(' int foo_check(struct foo *f)', ' {', '+	return 0;', ' }'),
  },
  'signature-changed': {
    source: lines(
      '-static int foo_show(struct seq_file *m)',
      '+static int foo_show(struct seq_file *m, bool all)',
    ),
    instead: lines(
      '+static int foo_show_all(struct seq_file *m, bool all)',
      '+{',
      '+	...',
      '+}',
      ' static int foo_show(struct seq_file *m)',
      ' {',
      '+	return foo_show_all(m, false);',
      ' }',
    ),
  },
  'static-ambiguous': {
    source: lines('+	static int tries;	/* the function has a tries in each of two blocks */'),
    instead: lines('+	static int send_tries;'),
  },
  'not-traceable': {
    source: lines(' notrace u64 foo_clock(void)', ' {', '-	return raw;', '+	return raw & mask;'),
    instead: lines(
      '+static u64 foo_clock_fixed(void)	/* a copy that can be traced */',
      '+{',
      '+	return raw & mask;',
      '+}',
      '',
      ' u64 foo_time(void)',
      ' {',
      '-	return foo_clock();',
      '+	return foo_clock_fixed();',
      ' }',
    ),
  },
  'late-special-section': {
    source: lines('+	if (static_branch_unlikely(&foo_key))	/* foo_key belongs to a module */'),
    instead: lines('+	if (static_key_enabled(&foo_key))'),
  },
  'file-asm-changed': {
    source: lines('+DEFINE_STATIC_CALL(foo_op, foo_default);'),
    instead: lines('+static int (*foo_op)(struct foo *f) = foo_default;', '+	ret = READ_ONCE(foo_op)(f);'),
  },
  'alias-changed': {
    source: lines('+int foo_compat(void) __alias(foo_native);'),
    instead: lines('+int foo_compat(void)', '+{', '+	return foo_native();', '+}'),
  },
  'defined-elsewhere': {
    source: lines(
      '--- a/fs/foo.c',
      '-int foo_get(void) { ... }',
      '--- a/fs/bar.c',
      '+int foo_get(void) { ... }',
    ),
    instead: lines('--- a/fs/foo.c', ' int foo_get(void) { ... }	/* stays where it is, with the fix */'),
  },
  'new-module-dependency': {
    source: lines('+	foo_module_helper(dev);	/* exported by a module that this one does not depend on */'),
    instead: lines(
      '+	/* NULL unless the module is loaded, and exports it with EXPORT_SYMBOL_GPL */',
      '+	void (*helper)(struct device *) = symbol_get(foo_module_helper);',
      '+',
      '+	if (helper) {',
      '+		helper(dev);',
      '+		symbol_put(foo_module_helper);',
      '+	}',
    ),
  },
  'livepatch-address-given': {
    source: lines(
      '+static void foo_expire(struct timer_list *t) { ... }',
      '+	timer_setup(&foo->timer, foo_expire, 0);',
    ),
    instead: lines(
      '/* callbacks.c: nothing may be left that would call into the livepatch */',
      '#include <linux/timer.h>',
      '#include "llpatch.h"',
      "LLPATCH_DECLARE_SYMBOL(struct timer_list, foo_timer, fs/foo.c, foo_timer);	/* the kernel's */",
      "extern struct timer_list foo_retry;	/* the patch's own, which defines it without `static` */",
      '',
      '/* for one object, by its name: vmlinux, or the module whose code this is of */',
      'static void post_unpatch_callback_vmlinux(struct klp_object *obj)',
      '{',
      '	timer_delete_sync(&LLPATCH_SYMBOL(foo_timer));',
      '	timer_delete_sync(&foo_retry);',
      '}',
    ),
  },
  'constant-changed': {
    source: lines('-#define FOO_EMPTY_SLOT 0xffff', '+#define FOO_EMPTY_SLOT 0xfffe'),
    instead: lines(
      ' #define FOO_EMPTY_SLOT 0xffff	/* tables of the running kernel hold it */',
      '-	if (slot > FOO_MAX)',
      '+	if (slot > FOO_MAX || slot == 0xfffe)',
    ),
  },
  'transition-stalled': {
    source: lines(
      ' static int foo_thread(void *data)',
      ' {',
      ' 	while (!kthread_should_stop())',
      '-		foo_step();',
    ),
    instead: lines(
      ' static void foo_step(void)	/* the thread returns from it; its loop never ends */',
      ' {',
      '+	...',
    ),
  },
};

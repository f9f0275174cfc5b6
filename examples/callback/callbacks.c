// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a livepatch cannot change by itself, done by hand: the value of a variable that the running kernel has
 * already (examples/refused-initialiser). Use it beside any patch:
 *
 *   klp-docker generate examples/proc-meminfo/proc-meminfo.patch --callbacks examples/callback/callbacks.c ...
 */
#include <linux/livepatch.h>
#include <linux/printk.h>
#include "llpatch.h"

/* TYPE, a name for this file, the source that defines the variable, its name there. */
LLPATCH_DECLARE_SYMBOL(int, warnings, kernel/hung_task.c, sysctl_hung_task_warnings);

static int before;

/* Runs before the functions are replaced; anything but 0 keeps the livepatch from being applied. */
static int pre_patch_callback(struct klp_object *obj)
{
	before = LLPATCH_SYMBOL(warnings);
	LLPATCH_SYMBOL(warnings) = 20;
	pr_info("hung_task warnings: %d, now %d\n", before, LLPATCH_SYMBOL(warnings));
	return 0;
}

/* Runs after the original functions are back. */
static void post_unpatch_callback(struct klp_object *obj)
{
	LLPATCH_SYMBOL(warnings) = before;
}

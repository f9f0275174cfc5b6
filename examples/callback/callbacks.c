// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a livepatch cannot change by itself, done by hand: the value of a variable that the running kernel has
 * already (examples/refused-initialiser). Use it beside any patch of vmlinux:
 *
 *   klp-docker generate examples/proc-meminfo/proc-meminfo.patch --callbacks examples/callback/callbacks.c ...
 */
#include <linux/livepatch.h>
#include <linux/printk.h>
#include "llpatch.h"

/* TYPE, a name for this file, the source that defines the variable, its name there. */
LLPATCH_DECLARE_SYMBOL(unsigned int, max_size, fs/pipe.c, pipe_max_size);

static unsigned int before;

/*
 * Runs before the functions of vmlinux are replaced; anything but 0 keeps the livepatch from being applied. Without
 * `_vmlinux` it would run for modules of the patch too, each time that one is loaded, and `before` would be the new value.
 */
static int pre_patch_callback_vmlinux(struct klp_object *obj)
{
	before = LLPATCH_SYMBOL(max_size);
	LLPATCH_SYMBOL(max_size) = 2097152;
	pr_info("the largest pipe: %u, now %u\n", before, LLPATCH_SYMBOL(max_size));
	return 0;
}

/* Runs after the original functions of vmlinux are back. */
static void post_unpatch_callback_vmlinux(struct klp_object *obj)
{
	LLPATCH_SYMBOL(max_size) = before;
}

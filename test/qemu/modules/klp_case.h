/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A livepatch of one function, for tests of the verification. A source defines what it needs before
 * including this:
 *   OLD_NAME   the function to replace (string)
 *   NEW_FUNC   its replacement
 *   OBJECT     the module it is in (string); vmlinux when not defined
 *   PRE_PATCH, POST_PATCH  callbacks, if any
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>

static struct klp_func funcs[] = {
	{ .old_name = OLD_NAME, .new_func = NEW_FUNC },
	{ }
};

static struct klp_object objects[] = {
	{
#ifdef OBJECT
		.name = OBJECT,
#endif
		.funcs = funcs,
		.callbacks = {
#ifdef PRE_PATCH
			.pre_patch = PRE_PATCH,
#endif
#ifdef POST_PATCH
			.post_patch = POST_PATCH,
#endif
		},
	},
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
	.replace = true,
};

static int __init klp_case_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit klp_case_exit(void)
{
}

module_init(klp_case_init);
module_exit(klp_case_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test case of klp-docker's verification");
MODULE_INFO(livepatch, "Y");

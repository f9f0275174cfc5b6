/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The livepatch of one module. A source defines what it needs before including this:
 *   TARGET     the module (string)
 *   FUNCS      the functions: initializers of struct klp_func
 *   PRE_PATCH  a callback, if any
 */
static struct klp_func funcs[] = { FUNCS, { } };

static struct klp_object objects[] = {
	{
		.name = TARGET,
		.funcs = funcs,
#ifdef PRE_PATCH
		.callbacks = { .pre_patch = PRE_PATCH },
#endif
	},
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init patch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit patch_exit(void)
{
}

module_init(patch_init);
module_exit(patch_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Livepatch of a test");
MODULE_INFO(livepatch, "Y");

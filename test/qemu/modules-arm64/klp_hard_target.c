// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module to be patched. Reading its parameter `value` calls klp_hard_value(), which gives 1. What a
 * livepatch may want of it: helpers, the number N from helper N, and a variable.
 */
#include "klp_hard.h"

noinline int klp_hard_value(void);
noinline int klp_hard_value(void)
{
	return UNKNOWN(1);
}

#define HELPER(n)			\
	int klp_hard_helper##n(void);	\
	noinline int klp_hard_helper##n(void) { return UNKNOWN(n); }
HELPERS(HELPER)

int klp_hard_data = 4242;

/* So that its text fits into no gap that other modules left. */
asm(".pushsection .text, \"ax\"\n"
    "klp_hard_pad: .skip 0x200000\n"
    ".popsection\n");

static int value_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", klp_hard_value());
}

static const struct kernel_param_ops value_ops = { .get = value_get };
module_param_cb(value, &value_ops, NULL, 0444);

/* Keeps the helpers in the module. */
static int __init target_init(void)
{
	int sum = klp_hard_data;

#define ADD(n) sum += klp_hard_helper##n();
	HELPERS(ADD)
	pr_info("klp_hard_target: %d\n", sum);
	return 0;
}

static void __exit target_exit(void)
{
}

module_init(target_init);
module_exit(target_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of late relocations: a module to be patched");

// SPDX-License-Identifier: GPL-2.0-only
/* Version 2 of the functions that the threads of klp_hard_threads run. */
#include "klp_hard.h"

#define TARGET "klp_hard_threads"

extern void klp_hard_leaf(unsigned long count) OF_MODULE(TARGET, "klp_hard_leaf");
extern int klp_hard_second(void) OF_MODULE(TARGET, "klp_hard_second");

static int new_second(void)
{
	return 2;
}

static bool new_step(void)
{
	klp_hard_leaf(300000);
	return klp_hard_second() == 2;
}

#define FUNCS { .old_name = "klp_hard_second", .new_func = new_second }, \
	{ .old_name = "klp_hard_step", .new_func = new_step }
#include "patch.h"

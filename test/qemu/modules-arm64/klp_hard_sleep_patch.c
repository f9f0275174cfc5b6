// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch of the function of klp_hard_threads that tasks sleep in. */
#include "klp_hard.h"

static void new_sleep(void)
{
	pr_info("klp_hard_sleep_patch: not slept\n");
}

#define FUNCS { .old_name = "klp_hard_sleep", .new_func = new_sleep }
#define TARGET "klp_hard_threads"
#include "patch.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Who reads /proc/cmdline never comes back, so the livepatch can never be disabled. */
#include <linux/sched.h>
#include <linux/seq_file.h>

static int new_cmdline_proc_show(struct seq_file *m, void *v)
{
	for (;;)
		schedule_timeout_uninterruptible(HZ);
	return 0;
}

#define OLD_NAME "cmdline_proc_show"
#define NEW_FUNC new_cmdline_proc_show
#include "klp_case.h"

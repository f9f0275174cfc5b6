// SPDX-License-Identifier: GPL-2.0-only
/* Does what it should: /proc/cmdline reads "patched". */
#include <linux/seq_file.h>

static int new_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "patched\n");
	return 0;
}

#define OLD_NAME "cmdline_proc_show"
#define NEW_FUNC new_cmdline_proc_show
#include "klp_case.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Warns while it is being enabled, and works otherwise. */
#include <linux/sched.h>
#include <linux/seq_file.h>

struct klp_object;

static int new_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "patched\n");
	return 0;
}

static int before_patching(struct klp_object *obj)
{
	WARN(1, "klp_case: a warning on purpose\n");
	return 0;
}

#define PRE_PATCH before_patching
#define OLD_NAME "cmdline_proc_show"
#define NEW_FUNC new_cmdline_proc_show
#include "klp_case.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Writes to an address that is not there while it is being enabled. */
#include <linux/sched.h>
#include <linux/seq_file.h>

struct klp_object;

static int new_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "patched\n");
	return 0;
}

/* KASAN would report the address first. */
static int __no_sanitize_address before_patching(struct klp_object *obj)
{
	*(volatile int *)8 = 1;
	return 0;
}

#define PRE_PATCH before_patching
#define OLD_NAME "cmdline_proc_show"
#define NEW_FUNC new_cmdline_proc_show
#include "klp_case.h"

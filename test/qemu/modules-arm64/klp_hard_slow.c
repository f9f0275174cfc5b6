// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces klp_hard_step() of klp_hard_threads and takes its time. Preemption is off meanwhile, so a thread that
 * is due to be preempted is so at the end of that: when ftrace has already decided which version the thread
 * goes on to, and that version is not yet on the stack.
 */
#include <linux/delay.h>
#include <linux/ftrace.h>
#include "klp_hard.h"

static void slow(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		 struct ftrace_regs *fregs)
{
	mdelay(5);
}

static struct ftrace_ops slow_ops = { .func = slow };

static int __init slow_init(void)
{
	char name[] = "klp_hard_step";
	int ret = ftrace_set_filter(&slow_ops, name, strlen(name), 1);

	return ret ? ret : register_ftrace_function(&slow_ops);
}

static void __exit slow_exit(void)
{
	unregister_ftrace_function(&slow_ops);
}

module_init(slow_init);
module_exit(slow_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of the stack walk: threads preempted in ftrace");

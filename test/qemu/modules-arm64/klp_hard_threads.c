// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel threads that are preempted in the middle of a function to be patched, and a function to sleep in.
 *
 * klp_hard_step() and klp_hard_second() are patched together: both are of version 1, or both of version 2.
 * A thread that changes sides while it is in klp_hard_step() sees one of each, which `mismatches` counts.
 * Most of the time it is in a function without a frame, from where the way back is in LR alone.
 */
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "klp_hard.h"

#define THREADS 3

static struct task_struct *threads[THREADS];
static struct dentry *enter_file;
static DECLARE_WAIT_QUEUE_HEAD(wake);

static int mismatches;
module_param(mismatches, int, 0444);
static int steps;
module_param(steps, int, 0444);

/* What sleeps in klp_hard_sleep() stays there until this is set. */
static bool woken;

static int woken_set(const char *value, const struct kernel_param *kp)
{
	int ret = param_set_bool(value, kp);

	wake_up_all(&wake);
	return ret;
}

static const struct kernel_param_ops woken_ops = { .set = woken_set, .get = param_get_bool };
module_param_cb(woken, &woken_ops, &woken, 0644);

void klp_hard_leaf(unsigned long count);
asm(".pushsection .text, \"ax\"\n"
    ".globl klp_hard_leaf\n"
    ".type klp_hard_leaf, %function\n"
    "klp_hard_leaf:\n"
    "	hint #34\n"
    "1:	subs x0, x0, #1\n"
    "	b.ne 1b\n"
    "	ret\n"
    ".size klp_hard_leaf, . - klp_hard_leaf\n"
    ".popsection\n");

noinline int klp_hard_second(void);
noinline int klp_hard_second(void)
{
	return UNKNOWN(1);
}

noinline bool klp_hard_step(void);
noinline bool klp_hard_step(void)
{
	klp_hard_leaf(300000);
	return klp_hard_second() == 1;
}

static int step_thread(void *unused)
{
	while (!kthread_should_stop()) {
		for (int i = 0; i < 10; i++) {
			if (!klp_hard_step())
				mismatches++;
			steps++;
		}
		schedule_timeout_interruptible(1);
	}
	return 0;
}

noinline void klp_hard_sleep(void);
noinline void klp_hard_sleep(void)
{
	wait_event(wake, woken);
	pr_info("klp_hard_threads: woken\n");
}

static ssize_t enter_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	klp_hard_sleep();
	return 0;
}

static const struct file_operations enter_ops = { .owner = THIS_MODULE, .read = enter_read };

static int __init threads_init(void)
{
	for (int i = 0; i < THREADS; i++) {
		threads[i] = kthread_run(step_thread, NULL, "klp_hard_step/%d", i);
		if (IS_ERR(threads[i]))
			panic("no thread");
	}
	enter_file = debugfs_create_file("klp_hard_enter", 0444, NULL, NULL, &enter_ops);
	return 0;
}

static void __exit threads_exit(void)
{
	debugfs_remove(enter_file);
	for (int i = 0; i < THREADS; i++)
		kthread_stop(threads[i]);
}

module_init(threads_init);
module_exit(threads_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of the stack walk: threads that are preempted or sleep");

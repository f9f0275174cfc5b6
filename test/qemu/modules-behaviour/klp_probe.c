// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls functions of the kernel by their address, for what no program of the test machine can be made to do. To
 * its parameter `call` is written, with up to six arguments,
 *   call ADDRESS [ARGUMENT...]   a function that takes numbers or pointers
 *   sys ADDRESS [ARGUMENT...]    the function behind a system call, in the task that writes
 * Reading the parameter gives what the last call returned.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

typedef long function(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);

static long result;

static void put_arguments(struct pt_regs *regs, const unsigned long *args)
{
#ifdef CONFIG_X86
	regs->di = args[0];
	regs->si = args[1];
	regs->dx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
#else
	memcpy(regs->regs, args, 6 * sizeof(*args));
#endif
}

/* What it calls is of other types than it says. */
static int __nocfi perform(char *text)
{
	char *kind = strsep(&text, " ");
	unsigned long words[7] = { };
	struct pt_regs regs = { };
	const char *word;
	int n = 0;

	while ((word = strsep(&text, " "))) {
		if (n == ARRAY_SIZE(words) || kstrtoul(word, 0, &words[n++]))
			return -EINVAL;
	}
	if (!words[0])
		return -EINVAL;
	if (!strcmp(kind, "call")) {
		result = ((function *)words[0])(words[1], words[2], words[3], words[4], words[5], words[6]);
		return 0;
	}
	if (strcmp(kind, "sys"))
		return -EINVAL;
	put_arguments(&regs, words + 1);
	result = ((long (*)(const struct pt_regs *))words[0])(&regs);
	return 0;
}

static int call_set(const char *value, const struct kernel_param *kp)
{
	char *text = kstrdup(value, GFP_KERNEL);
	int error = text ? perform(strim(text)) : -ENOMEM;

	kfree(text);
	return error;
}

static int call_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%ld\n", result);
}

static const struct kernel_param_ops call_ops = { .set = call_set, .get = call_get };
module_param_cb(call, &call_ops, NULL, 0600);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of livepatches: calls a function by its address");

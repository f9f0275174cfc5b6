// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls functions of the kernel by their address, for what no program of the test machine can be made to do. To
 * /proc/klp_probe, which takes no lock around a write, is written, with up to six arguments,
 *   call ADDRESS [ARGUMENT...]   a function that takes numbers or pointers
 *   sys ADDRESS [ARGUMENT...]    the function behind a system call, in the task that writes
 * Reading the file gives what the last call returned.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

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

static ssize_t probe_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char *text = memdup_user_nul(from, min_t(size_t, size, 200));
	int error;

	if (IS_ERR(text))
		return PTR_ERR(text);
	error = perform(strim(text));
	kfree(text);
	return error ? : size;
}

static ssize_t probe_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	char text[24];

	return simple_read_from_buffer(to, size, at, text, scnprintf(text, sizeof(text), "%ld\n", result));
}

static const struct proc_ops probe_ops = { .proc_write = probe_write, .proc_read = probe_read };

static int __init probe_init(void)
{
	return proc_create("klp_probe", 0600, NULL, &probe_ops) ? 0 : -ENOMEM;
}

static void __exit probe_exit(void)
{
	remove_proc_entry("klp_probe", NULL);
}

module_init(probe_init);
module_exit(probe_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of livepatches: calls a function by its address");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes space of the kind that modules' text gets, so that the next module is loaded further away: a number
 * of MiB written to the parameter `take`. What was taken last is given back by 0.
 */
#include <linux/kprobes.h>
#include <linux/sizes.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include "klp_hard.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/execmem.h>
static typeof(execmem_alloc) *alloc;
#define ALLOCATOR "execmem_alloc"
#define ALLOC(size) alloc(EXECMEM_MODULE_TEXT, size)
#else
#include <linux/moduleloader.h>
static typeof(module_alloc) *alloc;
#define ALLOCATOR "module_alloc"
#define ALLOC(size) alloc(size)
#endif

static void *taken[128];
static unsigned int count;

static void give_back(void)
{
	if (count > 0)
		vfree(taken[--count]);
}

static int take_set(const char *value, const struct kernel_param *kp)
{
	unsigned int mib;
	int ret = kstrtouint(value, 0, &mib);

	if (ret)
		return ret;
	if (mib == 0) {
		give_back();
		return 0;
	}
	if (count == ARRAY_SIZE(taken))
		return -ENOSPC;
	taken[count] = ALLOC(mib * SZ_1M);
	return taken[count++] ? 0 : -ENOMEM;
}

static const struct kernel_param_ops take_ops = { .set = take_set };
module_param_cb(take, &take_ops, NULL, 0200);

/* Not exported, but a kprobe knows where it is. */
static int __init space_init(void)
{
	struct kprobe probe = { .symbol_name = ALLOCATOR };
	int ret = register_kprobe(&probe);

	if (ret)
		return ret;
	alloc = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

static void __exit space_exit(void)
{
	while (count > 0)
		give_back();
}

module_init(space_init);
module_exit(space_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Takes up space");

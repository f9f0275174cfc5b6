// SPDX-License-Identifier: GPL-2.0-only
/* Patches a module: /sys/block/loop0/loop/offset reads "4242". It needs no relocation against that module. */
#include <linux/device.h>

static ssize_t new_show_offset(struct device *d, struct device_attribute *attr, char *buf)
{
	return sprintf(buf, "4242\n");
}

#define OBJECT "loop"
#define OLD_NAME "loop_attr_do_show_offset"
#define NEW_FUNC new_show_offset
#include "klp_case.h"

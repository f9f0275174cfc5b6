// SPDX-License-Identifier: GPL-2.0-only
/* Does what it should, and says that it was made for another build of the kernel. */
#include <linux/module.h>
MODULE_INFO(klp_build_id, "0000000000000000000000000000000000000000");
#include "klp_case_good.c"

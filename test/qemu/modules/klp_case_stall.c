// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's thread 2 is inside this function from boot to the end, so the transition cannot end. */
static int new_kthreadd(void *unused)
{
	return 0;
}

#define OLD_NAME "kthreadd"
#define NEW_FUNC new_kthreadd
#include "klp_case.h"

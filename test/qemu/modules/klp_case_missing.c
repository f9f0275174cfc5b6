// SPDX-License-Identifier: GPL-2.0-only
/* Names a function that no kernel has: the load fails. */
static void new_function(void)
{
}

#define OLD_NAME "klp_case_no_such_function"
#define NEW_FUNC new_function
#include "klp_case.h"

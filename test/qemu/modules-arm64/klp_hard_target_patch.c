// SPDX-License-Identifier: GPL-2.0-only
/*
 * A livepatch of klp_hard_target: `value` gives 1056, which is 1000 and twice the sum of what the helpers
 * give, called from two sections, and further
 *   100  if an absolute address at an odd place is right
 *   200  if a distance at an odd place is right
 *   400  if an absolute address at a multiple of four is right
 * With its own parameter `refuse` it does not let the module be loaded.
 */
#include "klp_hard.h"

#define TARGET "klp_hard_target"

extern int klp_hard_data OF_MODULE(TARGET, "klp_hard_data");

#define HELPER(n) extern int klp_hard_helper##n(void) OF_MODULE(TARGET, "klp_hard_helper" #n);
HELPERS(HELPER)

/* Read back as the loader left them: the compiler must not know what they are. */
struct places {
	u8 shift;
	u64 odd_address;
	s32 odd_distance;
	u8 shift_to_four[3];
	u64 address;
} __packed __aligned(8);

extern struct places klp_hard_places;
asm(".pushsection .data, \"aw\"\n"
    ".balign 8\n"
    ".globl klp_hard_places\n"
    "klp_hard_places:\n"
    ".byte 0\n"
    ".quad \"" NAME_OF(TARGET, "klp_hard_data") "\"\n"
    ".word \"" NAME_OF(TARGET, "klp_hard_data") "\" - .\n"
    ".skip 3\n"
    ".quad \"" NAME_OF(TARGET, "klp_hard_data") "\"\n"
    ".popsection\n");

#define ADD(n) sum += klp_hard_helper##n();

static noinline __section("klp_hard_second_text") int second_sum(void)
{
	int sum = 0;

	HELPERS(ADD)
	return sum;
}

static int new_value(void)
{
	u64 data = (u64)&klp_hard_data;
	int sum = 1000 + second_sum();

	HELPERS(ADD)
	if (klp_hard_places.odd_address == data)
		sum += 100;
	if ((u64)&klp_hard_places.odd_distance + klp_hard_places.odd_distance == data)
		sum += 200;
	if (klp_hard_places.address == data && klp_hard_data == 4242)
		sum += 400;
	return sum;
}

static bool refuse;
module_param(refuse, bool, 0644);

static int pre_patch(struct klp_object *object)
{
	return refuse ? -ENODEV : 0;
}

#define FUNCS { .old_name = "klp_hard_value", .new_func = new_value }
#define PRE_PATCH pre_patch
#include "patch.h"

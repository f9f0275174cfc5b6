/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KLP_HARD_H
#define KLP_HARD_H

#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>

/*
 * The name that the engine gives to a symbol of another module until it turns it into a klp symbol, which is
 * what the test does with these modules: the symbol need not be exported.
 */
#define NAME_OF(object, name) ".klp.ref." object "." object "." name ",0"
#define OF_MODULE(object, name) asm(NAME_OF(object, name))

/* A number that the compiler does not know, so that it calls the function that gives it. */
#define UNKNOWN(number) ({ int value = (number); OPTIMIZER_HIDE_VAR(value); value; })

#define HELPERS(apply) \
	apply(0) apply(1) apply(2) apply(3) apply(4) apply(5) apply(6) apply(7)

#endif

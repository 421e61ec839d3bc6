/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on labels, as in "app=web,tier!=cache,!old,zone in (a,b)". Pure.
 *
 * Conditions are joined by commas and all must hold. Each is one of
 *
 *	key=value  key==value     the label is there and has this value
 *	key!=value                the label has another value or is missing
 *	key  !key                 the label is there; is missing
 *	key in (a,b)              the label is there and has one of the values
 *	key notin (a,b)           the label has none of the values or is missing
 *
 * Spaces between the parts do not matter. Keys and values hold no spaces, commas or parentheses; a
 * value may be empty.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/error.h"

enum {
	SELECTOR_MAX_BYTES = 4096,
	SELECTOR_MAX_CONDITIONS = 64,
};

struct selector;

/* NULL or "" gives a selector that matches everything. -EINVAL says at which byte what was
 * expected; *ret is for selector_free(). */
int selector_parse(const char *text, struct selector **ret, struct error *err);

/* @metadata NULL is an object without labels; @selector NULL matches everything. */
bool selector_matches(const struct selector *selector, const Api__Metadata *metadata);

void selector_free(struct selector *selector);

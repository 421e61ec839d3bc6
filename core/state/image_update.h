/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that is given the image that its tag has come to stand for, by kukeond itself
 * (core/updates/image_updates.h). Plain data: the planner reads it.
 *
 * Either it has none, or it tries one (@from and @to, no @pin), or it was taken back (@pin): it
 * runs @from again, and @to is not tried a second time.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/util.h"

struct image_check;

struct image_update {
	/* Kept in the store, but for those of whoever declares another image by now. */
	char *image; /* as declared: what the rest is about; NULL: nothing */
	char *from;  /* digest that it ran before; NULL: there is no update */
	char *to;    /* and the one that it was given */
	char *pin;   /* the name of @from, which it runs in place of its image; NULL: its image */

	struct image_check *check; /* that asks the registry for it; NULL: none does */
	struct list link;          /* struct image_check.containers */
	bool counted;              /* in struct image_check.n_tries */
	uint64_t until_ms;         /* loop time: it is taken back then; 0: not begun to count */
	uint64_t ready_ms;         /* loop time: it has been Ready since; 0: it is not */
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Which ranges and which bridge a space gets. Blocks: worker threads only. */
#pragma once

#include "drivers/spaces/space.h"

struct space_ranges {
	struct subnet v4, v6; /* v6 if: */
	bool dual;
};

/* @wanted, @wanted6: ranges, or NULL: the next free ones. Free @ret_bridge with free(). */
int space_choose(const struct space_job *job, const char *wanted, const char *wanted6,
		 struct space_ranges *ret_ranges, char **ret_bridge, struct error *err);

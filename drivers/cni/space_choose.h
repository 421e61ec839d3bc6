/* SPDX-License-Identifier: Apache-2.0 */
/* The range and the bridge of a space that has none yet. Blocks: worker threads only. */
#pragma once

#include "drivers/cni/space.h"

/* @wanted: the range asked for; NULL or "": the next free one. */
int space_choose(const struct space_job *job, const char *wanted, struct subnet *ret_subnet,
		 char **ret_bridge, struct error *err);

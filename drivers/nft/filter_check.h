/* SPDX-License-Identifier: Apache-2.0 */
/* What of a wish may stand in nft commands: names and ranges come from conflists, which anybody may
 * have written. Pure. */
#pragma once

#include "core/driver/filter.h"

/* Before anything of the wish is put into words: a space that is not fit to stand in commands gets
 * its problem, and is left out by what follows. -EINVAL: a port is not, which is a bug of ours. */
int filter_check(struct filter_wish *wish, struct error *err);

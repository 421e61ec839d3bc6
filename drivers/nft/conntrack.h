/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel remembers of flows to published UDP ports. Blocks: worker threads only. */
#pragma once

#include "core/driver/filter.h"

/*
 * Forgets flows that @before or @now publishes and that go elsewhere than @now says: a client that
 * never pauses would go on talking to where the port led before. TCP needs none of it, there every
 * connection is a new one. @before may be NULL.
 */
int conntrack_forget(const struct filter_wish *before, const struct filter_wish *now,
		     struct error *err);

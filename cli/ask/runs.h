/* SPDX-License-Identifier: Apache-2.0 */
/* How often the containers of an object were started, and when, by its status. */
#pragma once

#include <time.h>

#include "cli/show/object.h"

struct runs {
	unsigned restarts;
	time_t last_start;                    /* 0: nothing was ever started */
	const Api__ContainerStatus *last_end; /* NULL: nothing has ended */
};

/* Of a cell or a container; nothing was ever started in what is neither. Points into the object. */
struct runs runs_of(const struct object *object);

/* Whether the last start was so long ago for certain: the clock it is read from has whole seconds.
 */
bool runs_for_long(const struct runs *runs, unsigned steady_ms);

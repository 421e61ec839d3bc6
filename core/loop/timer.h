/* SPDX-License-Identifier: Apache-2.0 */
/* A timer of the loop, for those who carry one and start none: see core/loop/loop.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

struct loop;
struct timer;
typedef void (*timer_fn)(struct timer *timer);

struct timer {
	struct list link;
	struct loop *loop;
	uint64_t due_ms;
	timer_fn fn;
};

static inline bool timer_active(const struct timer *timer)
{
	return list_linked(&timer->link);
}

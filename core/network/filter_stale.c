/* SPDX-License-Identifier: Apache-2.0 */
/* Apart, since what the filter is made of says so too. */
#include "core/network/filter.h"
#include "core/state/engine.h"

void filter_mark_stale(struct engine *engine)
{
	engine->filter->stale = true;
	engine->filter->apply_soon(engine);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Apart, since what the filter is made of says so too. */
#include "core/network/filter.h"
#include "core/state/engine.h"

void filter_mark_stale(struct engine *engine)
{
	engine->filter->act.stale = true;
	one_act_soon(&engine->filter->act, engine->filter->rests_until_ms);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Apart, since what the filter is made of says so too. */
#include "core/network/filter.h"
#include "core/state/engine.h"

void filter_doubt(struct engine *engine)
{
	engine->filter->doubted = true;
	engine->filter->apply_soon(engine);
}

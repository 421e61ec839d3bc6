/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist.h"

void relist_all(struct engine *engine)
{
	relist_network(engine);
	relist_cgroups(engine);
	if (engine->runtime_up)
		relist_runtime(engine);
}

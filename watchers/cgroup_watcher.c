/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/cgroup_watcher.h"

#include "core/reconcile/observed.h"
#include "core/reconcile/relist.h"

static void on_cell(void *ctx, const char *cell_key)
{
	observed_hint_cgroup(ctx, cell_key);
}

static void on_lost(void *ctx)
{
	relist_cgroups(ctx);
}

void cgroup_watcher_start(struct engine *engine)
{
	const struct cgroup_listener listener = { .ctx = engine,
						  .on_cell = on_cell,
						  .on_lost = on_lost };

	engine->cgroup->ops->start(engine->cgroup, &listener);
}

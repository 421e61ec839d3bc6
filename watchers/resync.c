/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/resync.h"

#include "core/base/log.h"
#include "core/reconcile/relist.h"

static void on_interval(struct timer *timer)
{
	struct resync *resync = container_of(timer, struct resync, timer);

	log_debug("resync");
	relist_all(resync->engine);
	if (resync->manifests)
		manifests_rescan(resync->manifests);
	if (resync->resolver)
		resolver_look(resync->resolver);
	socket_watcher_look(resync->socket);
	sweep_again(&resync->sweep);
	timer_start(resync->engine->loop, &resync->timer, resync->interval_ms, on_interval);
}

void resync_start(struct resync *resync, struct engine *engine, uint64_t interval_ms)
{
	*resync = (struct resync){ .engine = engine, .interval_ms = interval_ms };
	sweep_start(&resync->sweep, engine);
	if (interval_ms)
		timer_start(engine->loop, &resync->timer, interval_ms, on_interval);
}

void resync_stop(struct resync *resync)
{
	timer_stop(&resync->timer);
	sweep_stop(&resync->sweep);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/network.h"

#include "core/base/log.h"
#include "core/look.h"

/* From the first hint of a burst to the look. */
enum { BURST_MS = 20 };

static void on_burst_over(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct network_watcher, burst)->engine;

	if (engine->closing)
		return;
	log_debug("networks may have been changed by another hand");
	look_network(engine);
}

static void look_soon(void *ctx)
{
	struct network_watcher *watcher = ctx;

	if (!timer_active(&watcher->burst))
		timer_start(watcher->engine->loop, &watcher->burst, BURST_MS, on_burst_over);
}

static void on_filter(void *ctx)
{
	filter_disturbed(ctx);
}

void network_watcher_open(struct network_watcher *watcher, struct engine *engine)
{
	const struct filter_listener filter = { .ctx = engine, .on_filter = on_filter };
	struct network *network = engine->network;
	struct error err;

	*watcher = (struct network_watcher){ .engine = engine };
	if (network->ops->watch_filter(network, &filter, &err) < 0)
		log_warning("%s; changes of it are seen at the next resync", err.msg);
	if (links_open(&watcher->links, engine, look_soon, watcher, &err) < 0)
		log_warning("%s; changes of links are seen at the next resync", err.msg);
	if (netfiles_open(&watcher->files, engine, look_soon, watcher, &err) < 0)
		log_warning("%s; changes of them are seen at the next resync", err.msg);
}

static void on_closed(struct deferred *deferred)
{
	struct network_watcher *watcher =
		container_of(deferred, struct network_watcher, all_closed);

	watcher->closed(watcher->closed_ctx);
}

static void on_files_closed(void *ctx)
{
	struct network_watcher *watcher = ctx;

	loop_defer(watcher->engine->loop, &watcher->all_closed, on_closed);
}

static void on_links_closed(void *ctx)
{
	struct network_watcher *watcher = ctx;

	if (watcher->files)
		netfiles_close(watcher->files, on_files_closed, watcher);
	else
		on_files_closed(watcher);
}

void network_watcher_close(struct network_watcher *watcher, void (*closed)(void *ctx), void *ctx)
{
	watcher->closed = closed;
	watcher->closed_ctx = ctx;
	timer_stop(&watcher->burst);
	if (watcher->links)
		links_close(watcher->links, on_links_closed, watcher);
	else
		on_links_closed(watcher);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/network_watcher.h"

#include "core/base/log.h"
#include "core/network/filter.h"
#include "core/network/ways.h"
#include "core/passage/passage.h"
#include "core/reconcile/act.h"
#include "core/reconcile/relist.h"

enum {
	BURST_MS = 20,  /* from the first hint of a burst to the look */
	LATER_MS = 200, /* until it is asked again whether anything is still busy, */
	MAX_WAITS = 25, /* so often before a look is had all the same */
};

static bool works_at_networks(enum action action)
{
	switch (action) {
	case ACTION_SPACE_ENSURE:
	case ACTION_SPACE_REMOVE:
	case ACTION_NETNS_CREATE:
	case ACTION_NETWORK_ATTACH:
	case ACTION_NETWORK_REPAIR:
	case ACTION_NETWORK_DETACH:
	case ACTION_NETWORK_JOIN:
	case ACTION_NETWORK_LEAVE:
		return true;
	default:
		return false;
	}
}

/* Costs what is under way. */
static bool any_busy(const struct engine *engine)
{
	const struct run *run;

	list_for_each(run, &engine->runs, link)
		if (works_at_networks(run->action))
			return true;
	return false;
}

static void look_later(struct network_watcher *watcher);

static void on_burst_over(struct timer *timer)
{
	struct network_watcher *watcher = container_of(timer, struct network_watcher, burst);

	if (watcher->engine->closing)
		return;
	log_debug("networks may have been changed by another hand");
	if (any_busy(watcher->engine))
		look_later(watcher);
	relist_network(watcher->engine);
}

static void look_soon(struct network_watcher *watcher)
{
	if (!timer_active(&watcher->burst))
		timer_start(watcher->engine->loop, &watcher->burst, BURST_MS, on_burst_over);
}

/*
 * What changed while we worked at it may have been changed by us, or by another after we had done
 * our part: that shows only in a look that begins after the work. One look serves a whole burst of
 * work; when work never ends, what can be seen is looked at all the same.
 */
static void on_later(struct timer *timer)
{
	struct network_watcher *watcher = container_of(timer, struct network_watcher, later);

	if (any_busy(watcher->engine) && ++watcher->n_waits < MAX_WAITS)
		return look_later(watcher);
	watcher->n_waits = 0;
	look_soon(watcher);
}

static void look_later(struct network_watcher *watcher)
{
	if (!timer_active(&watcher->later))
		timer_start(watcher->engine->loop, &watcher->later, LATER_MS, on_later);
}

static void on_hint(void *ctx, bool busy)
{
	struct network_watcher *watcher = ctx;

	if (watcher->closed)
		return;
	if (busy)
		look_later(watcher);
	else
		look_soon(watcher);
}

static void on_passage(void *ctx)
{
	passage_mark_stale(((struct network_watcher *)ctx)->engine);
}

static void on_ways(void *ctx)
{
	ways_mark_stale(((struct network_watcher *)ctx)->engine);
	on_passage(ctx);
}

/* Whoever turns one switch may have turned others, of which the kernel says nothing: the filter
 * sees to those of published ports. */
static void on_switches(void *ctx)
{
	struct engine *engine = ((struct network_watcher *)ctx)->engine;

	ways_mark_switches_stale(engine);
	filter_mark_stale(engine);
	on_passage(ctx);
}

static void on_missed(void *ctx)
{
	on_hint(ctx, any_busy(((struct network_watcher *)ctx)->engine));
}

static void on_filter(void *ctx)
{
	filter_disturbed(ctx);
}

static void on_rules(void *ctx, const char *bridge)
{
	passage_mark_rules_stale(ctx, bridge);
	engine_invalidate_managers(ctx);
}

void network_watcher_open(struct network_watcher *watcher, struct engine *engine)
{
	const struct filter_listener filter = { .ctx = engine,
						.on_filter = on_filter,
						.on_rules = on_rules };
	const struct routes_listener routes = { watcher, on_ways, on_switches, on_passage,
						on_missed };
	struct network *network = engine->network;
	struct error err;

	*watcher = (struct network_watcher){ .engine = engine };
	if (network->ops->watch_filter(network, &filter, &err) < 0)
		log_warning("%s; changes of it are seen at the next resync", err.msg);
	if (links_open(&watcher->links, engine, on_hint, watcher, &err) < 0)
		log_warning("%s; changes of links are seen at the next resync", err.msg);
	if (routes_open(&watcher->routes, engine, &routes, &err) < 0)
		log_warning("%s; changes of them are seen at the next resync", err.msg);
	if (netfiles_open(&watcher->files, engine, on_hint, watcher, &err) < 0)
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

static void on_routes_closed(void *ctx)
{
	struct network_watcher *watcher = ctx;

	if (watcher->files)
		netfiles_close(watcher->files, on_files_closed, watcher);
	else
		on_files_closed(watcher);
}

static void on_links_closed(void *ctx)
{
	struct network_watcher *watcher = ctx;

	if (watcher->routes)
		routes_close(watcher->routes, on_routes_closed, watcher);
	else
		on_routes_closed(watcher);
}

void network_watcher_close(struct network_watcher *watcher, void (*closed)(void *ctx), void *ctx)
{
	watcher->closed = closed;
	watcher->closed_ctx = ctx;
	timer_stop(&watcher->burst);
	timer_stop(&watcher->later);
	if (watcher->links)
		links_close(watcher->links, on_links_closed, watcher);
	else
		on_links_closed(watcher);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The engine, what it keeps on the disk, and what it tells the service manager. */
#include "core/kukeond/kukeond.h"

#include "core/events/history_file.h"
#include "core/status/record.h"
#include "core/store/store.h"
#include "watchers/cgroup_watcher.h"
#include "watchers/runtime_watcher.h"

/* For actions under way, before the drivers cut them off. */
enum { CLOSE_GRACE_MS = 3000 };

static const uint64_t MS_A_DAY = 24 * 60 * 60 * 1000;

static int read_forwarding(const char *text, bool *ret_leave, struct error *err)
{
	*ret_leave = str_equal(text, "leave");
	if (*ret_leave || str_equal(text, "keep"))
		return 0;
	return error_set(err, -EINVAL, "forwarding is \"%s\", expected keep or leave", text);
}

static struct image_limits image_limits(const Api__Config *config)
{
	return (struct image_limits){ .max_bytes = (uint64_t)config->images_max_mib << 20,
				      .max_ms = config->images_max_days * MS_A_DAY };
}

static struct image_updating image_updating(const Api__Config *config)
{
	return (struct image_updating){ .every_ms = config->images_check_every * 1000ULL,
					.within_ms = config->images_ready_within * 1000ULL };
}

int part_open_engine(struct kukeond *k, struct error *err)
{
	struct engine_options options = {
		.loop = &k->loop,
		.runtime = k->runtime,
		.network = k->network,
		.cgroup = k->cgroup,
		.images = k->images,
		.managers = k->firewalls,
		.run_path = k->config->run_path,
		.journal = k->journal,
		.cgroup_root = k->config->cgroup_root,
		.prune_grace_ms = (uint64_t)k->config->prune_grace * 1000,
	};
	int r;

	options.image_limits = image_limits(k->config);
	options.image_updating = image_updating(k->config);
	r = prune_guard_parse(k->config->prune_guard, &options.prune_guard, err);

	if (r == 0)
		r = read_forwarding(k->config->forwarding, &options.leave_forwarding, err);
	if (r == 0)
		engine_open(&k->engine, &options);
	return r;
}

int part_open_history(struct kukeond *k, struct error *err UNUSED)
{
	/* no realm can have a name with a dot */
	AUTO_FREE char *path = xasprintf("%s/events.jsonl", k->config->run_path);

	history_file_open(&k->history, &k->engine.history, &k->loop, path);
	record_daemon_started(&k->engine);
	return 0;
}

void part_close_history(struct kukeond *k)
{
	history_file_close(k->history, part_is_closed, k);
}

int part_open_store(struct kukeond *k, struct error *err)
{
	return store_open(&k->store, &k->engine, err);
}

void part_close_store(struct kukeond *k)
{
	store_close(k->store, part_is_closed, k);
}

/* Starting the drivers comes after the store has said what was there before. */
int part_start_engine(struct kukeond *k, struct error *err UNUSED)
{
	engine_start(&k->engine);
	runtime_watcher_start(&k->engine);
	cgroup_watcher_start(&k->engine);
	resync_start(&k->resync, &k->engine, (uint64_t)k->config->resync * 1000);
	k->resync.resolver = k->resolver;
	k->engine_works = true;
	return 0;
}

/* Before the first look at the host: what changes behind it is not missed. */
int part_open_network_watcher(struct kukeond *k, struct error *err UNUSED)
{
	network_watcher_open(&k->network_watcher, &k->engine);
	return 0;
}

void part_close_network_watcher(struct kukeond *k)
{
	network_watcher_close(&k->network_watcher, part_is_closed, k);
}

static void on_grace_over(struct timer *timer)
{
	struct kukeond *k = container_of(timer, struct kukeond, close_grace);

	log_warning("actions still under way are cut off; the next start picks them up");
	parts_close_next(k);
}

static void on_engine_closed(void *ctx)
{
	struct kukeond *k = ctx;
	bool in_time = timer_active(&k->close_grace);

	k->engine_works = false;
	timer_stop(&k->close_grace);
	if (in_time || k->engine_awaited)
		parts_close_next(k);
}

void part_close_engine(struct kukeond *k)
{
	resync_stop(&k->resync);
	timer_start(&k->loop, &k->close_grace, CLOSE_GRACE_MS, on_grace_over);
	engine_close(&k->engine, on_engine_closed, k);
}

/* By now the drivers are closed, so what was still under way has ended or ends now. */
void part_await_engine(struct kukeond *k)
{
	k->engine_awaited = k->engine_works;
	if (!k->engine_works)
		parts_close_next(k);
}

void part_fini_engine(struct kukeond *k)
{
	if (k->engine.loop)
		engine_fini(&k->engine);
	parts_close_next(k);
}

int part_open_notify(struct kukeond *k, struct error *err UNUSED)
{
	notify_open(&k->notify, &k->loop, &k->engine);
	return 0;
}

void part_close_notify(struct kukeond *k)
{
	notify_close(&k->notify, k->again, part_is_closed, k);
}

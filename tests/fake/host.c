/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake/host.h"

#include "core/base/fs.h"
#include "core/core.h"
#include "core/desired/desired.h"
#include "core/desired/hold.h"
#include "core/journal/journal.h"
#include "core/network/filter.h"
#include "core/passage/passage.h"
#include "core/store/store.h"
#include "watchers/cgroup_watcher.h"
#include "watchers/runtime_watcher.h"

enum { REST_MS = 5 * 60 * 1000, SETTLE_MAX_MS = 3 * 60 * 60 * 1000 };
enum { PRUNE_GRACE_MS = 2000, REAL_PRUNE_GRACE_MS = 200 };
enum { RESYNC_MS = 10 * 60 * 1000, CLOSE_MAX_MS = 10 * 1000, TURN_US = 200 };

void sim_init(struct sim *sim, uint64_t seed)
{
	struct error err;

	*sim = (struct sim){ .seed = seed,
			     .guard = { .share_percent = 50, .number = 3 },
			     .prune_grace_ms = PRUNE_GRACE_MS };
	check(loop_open(&sim->loop, LOOP_CLOCK_VIRTUAL, &err) == 0);
	world_init(&sim->world, &sim->loop, seed);
}

static void on_awake(uv_idle_t *idle UNUSED)
{
}

void sim_init_real(struct sim *sim, uint64_t seed)
{
	struct error err;

	*sim = (struct sim){ .seed = seed,
			     .guard = { .share_percent = 50, .number = 3 },
			     .prune_grace_ms = REAL_PRUNE_GRACE_MS };
	check(loop_open(&sim->loop, LOOP_CLOCK_BOOTTIME, &err) == 0);
	uv_idle_init(&sim->loop.uv, &sim->awake);
	uv_idle_start(&sim->awake, on_awake);
	world_init(&sim->world, &sim->loop, seed);
	sim->world.act_ms = 1;
}

static void on_filter(void *ctx)
{
	filter_disturbed(ctx);
}

static void on_rules(void *ctx, const char *bridge)
{
	passage_mark_rules_stale(ctx, bridge);
}

static struct journal *open_journal(struct sim *sim)
{
	AUTO_FREE char *path = xasprintf("%s/journal", sim->run_path ? sim->run_path : "");
	struct error err;

	if (!sim->run_path)
		return NULL;
	check(fs_make_dirs(sim->run_path, 0755, &err) == 0);
	check(journal_open(&sim->journal, &sim->loop, path, &err) == 0);
	return sim->journal;
}

void sim_start(struct sim *sim)
{
	const struct filter_listener filter = { .ctx = &sim->engine,
						.on_filter = on_filter,
						.on_rules = on_rules };
	struct engine_options options = {
		.loop = &sim->loop,
		.runtime = &sim->world.runtime,
		.network = &sim->world.network,
		.cgroup = &sim->world.cgroup,
		.images = &sim->world.images,
		.run_path = sim->run_path,
		.cgroup_root = "/kukeon",
		.prune_guard = sim->guard,
		.image_limits = sim->limits,
		.image_updating = sim->updating,
		.prune_grace_ms = sim->prune_grace_ms,
	};
	struct error err;

	check(!sim->running);
	sim->world.images.ops = fake_image_ops();
	options.journal = open_journal(sim);
	engine_open(&sim->engine, &options);
	if (sim->run_path)
		check(store_open(&sim->store, &sim->engine, &err) == 0);
	sim->world.network.ops->watch_filter(&sim->world.network, &filter, &err);
	engine_start(&sim->engine);
	runtime_watcher_start(&sim->engine);
	cgroup_watcher_start(&sim->engine);
	resync_start(&sim->resync, &sim->engine, RESYNC_MS);
	sim->running = true;
}

static void on_closed(void *ctx)
{
	((struct sim *)ctx)->closed = true;
}

/* Also whoever had asked something and is told that it ends. */
static bool is_closed(struct sim *sim)
{
	return sim->closed && !sim->resync.sweep.busy;
}

void sim_crash(struct sim *sim)
{
	check(sim->running);
	sim->closed = false;
	resync_stop(&sim->resync);
	engine_close(&sim->engine, on_closed, sim);
	world_cut(&sim->world);
	check(sim_run_until(sim, is_closed, CLOSE_MAX_MS));
	if (sim->store) {
		sim->closed = false;
		store_close(take_ptr(sim->store), on_closed, sim);
		check(sim_run_until(sim, is_closed, CLOSE_MAX_MS));
		sim->closed = false;
		journal_close(take_ptr(sim->journal), on_closed, sim);
		check(sim_run_until(sim, is_closed, CLOSE_MAX_MS));
	}
	engine_fini(&sim->engine);
	sim->running = false;
}

void sim_fini(struct sim *sim)
{
	if (sim->running)
		sim_crash(sim);
	world_fini(&sim->world);
	if (sim->loop.clock == LOOP_CLOCK_BOOTTIME)
		uv_close((uv_handle_t *)&sim->awake, NULL);
	loop_close(&sim->loop);
}

void sim_file(struct sim *sim, const char *path, const char *text)
{
	struct manifest manifest;

	manifest_parse(path, text, strlen(text), &manifest);
	desired_set_file(&sim->engine, path, &manifest);
	manifest_fini(&manifest);
}

void sim_file_gone(struct sim *sim, const char *path)
{
	desired_remove_file(&sim->engine, path);
}

void sim_prune(struct sim *sim)
{
	struct list *held = &sim->engine.desired.held;

	while (!list_empty(held))
		hold_let_go(&sim->engine, list_entry(held->next, struct claim, state_link));
}

void sim_scanned(struct sim *sim)
{
	desired_scan_done(&sim->engine, NULL);
}

static void turn(struct sim *sim, uint64_t until_ms)
{
	if (sim->loop.clock == LOOP_CLOCK_VIRTUAL)
		return loop_run_virtual(&sim->loop, until_ms);
	uv_run(&sim->loop.uv, UV_RUN_NOWAIT);
	usleep(TURN_US);
}

void sim_run(struct sim *sim, uint64_t ms)
{
	uint64_t until_ms = loop_now_ms(&sim->loop) + ms;

	do
		turn(sim, until_ms);
	while (loop_now_ms(&sim->loop) < until_ms);
}

bool sim_run_until(struct sim *sim, bool (*condition)(struct sim *sim), uint64_t max_ms)
{
	uint64_t now_ms = loop_now_ms(&sim->loop), end_ms = now_ms + max_ms;

	for (; !condition(sim) && now_ms < end_ms; now_ms = loop_now_ms(&sim->loop)) {
		if (sim->loop.clock == LOOP_CLOCK_VIRTUAL)
			loop_turn_virtual(&sim->loop, end_ms); /* to whatever comes next, */
		turn(sim, loop_now_ms(&sim->loop));            /* and all of that time */
	}
	return condition(sim);
}

bool sim_settle(struct sim *sim)
{
	for (uint64_t passed = 0; passed < SETTLE_MAX_MS; passed += REST_MS) {
		uint64_t changes = sim->world.changes;

		sim_run(sim, REST_MS);
		if (sim->world.changes == changes)
			return true;
	}
	return false;
}

Api__State sim_state(struct sim *sim, const char *key)
{
	struct object *object = engine_find(&sim->engine, key);

	return object ? object->status.state : API__STATE__STATE_UNKNOWN;
}

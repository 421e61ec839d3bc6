/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake/host.h"

#include "core/desired.h"
#include "watchers/cgroup.h"
#include "watchers/runtime.h"

enum { REST_MS = 5 * 60 * 1000, SETTLE_MAX_MS = 3 * 60 * 60 * 1000, PRUNE_GRACE_MS = 2000 };
enum { RESYNC_MS = 10 * 60 * 1000 };

void sim_init(struct sim *sim, uint64_t seed)
{
	struct error err;

	*sim = (struct sim){ .seed = seed };
	check(loop_open(&sim->loop, LOOP_CLOCK_VIRTUAL, &err) == 0);
	world_init(&sim->world, &sim->loop, seed);
}

void sim_start(struct sim *sim)
{
	const struct engine_options options = {
		.loop = &sim->loop,
		.runtime = &sim->world.runtime,
		.network = &sim->world.network,
		.cgroup = &sim->world.cgroup,
		.cgroup_root = "/kukeon",
		.prune_grace_ms = PRUNE_GRACE_MS,
	};

	check(!sim->running);
	engine_open(&sim->engine, &options);
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

void sim_crash(struct sim *sim)
{
	check(sim->running);
	sim->closed = false;
	resync_stop(&sim->resync);
	engine_close(&sim->engine, on_closed, sim);
	world_cut(&sim->world);
	loop_run_virtual(&sim->loop, loop_now_ms(&sim->loop));
	check(sim->closed);
	engine_fini(&sim->engine);
	sim->running = false;
}

void sim_fini(struct sim *sim)
{
	if (sim->running)
		sim_crash(sim);
	world_fini(&sim->world);
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

void sim_scanned(struct sim *sim)
{
	desired_scan_done(&sim->engine, NULL);
}

void sim_run(struct sim *sim, uint64_t ms)
{
	loop_run_virtual(&sim->loop, loop_now_ms(&sim->loop) + ms);
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

	return object ? object->status.state : API__STATE__Unknown;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/core.h"

#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/doctor/doctor.h"
#include "core/hosts/hosts_files.h"
#include "core/images/pulls.h"
#include "core/network/filter.h"
#include "core/network/network_egress.h"
#include "core/network/network_ports.h"
#include "core/network/ways.h"
#include "core/passage/passage.h"
#include "core/reconcile/forget.h"
#include "core/reconcile/reconcile.h"
#include "core/reconcile/relist.h"
#include "core/state/unplaced.h"

static void work(struct queue *queue, struct object *object)
{
	reconcile_object(container_of(queue, struct engine, queue), object);
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

void engine_open(struct engine *engine, const struct engine_options *options)
{
	*engine = (struct engine){
		.loop = options->loop,
		.runtime = options->runtime,
		.network = options->network,
		.cgroup = options->cgroup,
		.images = options->images,
		.managers = options->managers,
		.run_path = xstrdup_maybe(options->run_path),
		.journal = options->journal,
		.cgroup_root = xstrdup(options->cgroup_root),
	};
	list_init(&engine->realms);
	list_init(&engine->watchers);
	list_init(&engine->runs);
	list_init(&engine->relists);
	list_init(&engine->doctors);
	list_init(&engine->earlier);
	progress_init(&engine->progress, engine->loop);
	throttle_init(&engine->throttle, processors());
	self_read(&engine->self);
	history_init(&engine->history, wall_now_ms());
	filter_init(engine);
	passage_init(engine);
	ways_init(engine, options->leave_forwarding);
	hosts_files_init(engine);
	ports_init(engine);
	egress_init(engine);
	pulls_init(engine);
	image_garbage_init(engine, &options->image_limits);
	image_updates_init(engine, &options->image_updating);
	queue_init(&engine->queue, engine->loop, &engine->progress, work);
	desired_init(engine, options->prune_grace_ms, &options->prune_guard);
}

void engine_start(struct engine *engine)
{
	relist_all(engine);
	image_garbage_start(engine);
}

void engine_close(struct engine *engine, void (*closed)(void *ctx), void *ctx)
{
	struct object *object;

	engine->closing = true;
	timer_stop(&engine->desired.prune);
	map_for_each(object, &engine->objects, node)
		queue_remove(&engine->queue, object);
	filter_stop(engine);
	ways_stop(engine);
	passage_stop(engine);
	egress_stop(engine);
	pulls_stop(engine);
	image_garbage_stop(engine);
	image_updates_stop(engine);
	hosts_files_close(engine);
	relist_stop_waiting(engine);
	doctor_stop_waiting(engine);
	pending_await(&engine->under_way, closed, ctx);
}

void engine_fini(struct engine *engine)
{
	struct map_node *node;

	check(!engine->under_way.n && list_empty(&engine->runs) && list_empty(&engine->relists) &&
	      list_empty(&engine->doctors) && list_empty(&engine->watchers));
	engine->closing = true;
	deferred_cancel(&engine->queue.drain);
	progress_fini(&engine->progress);
	desired_fini(engine);
	/* From the last key backwards would free children first; walk until only childless ones
	 * were taken. */
	while (engine->objects.root) {
		for (node = map_first(&engine->objects); node;) {
			struct object *object = map_entry(node, struct object, node);

			node = map_next(node);
			if (object->children == 0)
				forget_object(engine, object);
		}
	}
	check(!engine->bridges.count);
	filter_fini(engine);
	ways_fini(engine);
	passage_fini(engine);
	ports_fini(engine);
	egress_fini(engine);
	image_updates_fini(engine);
	pulls_fini(engine);
	image_garbage_fini(engine);
	hosts_files_fini(engine);
	unplaced_forget(engine);
	history_fini(&engine->history);
	self_fini(&engine->self);
	free(engine->run_path);
	free(engine->unread);
	free(engine->unread_text);
	free(engine->cgroup_root);
}

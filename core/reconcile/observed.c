/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/observed.h"

#include "core/base/log.h"
#include "core/desired/asked.h"
#include "core/desired/image_garbage.h"
#include "core/hosts/hosts_files.h"
#include "core/images/pulls_follow.h"
#include "core/network/addresses_count.h"
#include "core/network/bridges.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"
#include "core/plan/restart.h"
#include "core/reconcile/relist.h"
#include "core/state/unplaced.h"
#include "core/status/record.h"
#include "core/status/status.h"

/* What a task that vanished without anybody seeing its exit code counts as. */
enum { EXIT_CODE_UNSEEN = 255 };

static bool ran(enum task_state task)
{
	return task == TASK_RUNNING || task == TASK_PAUSED || task == TASK_PAUSING;
}

static void count_restart(struct container *c)
{
	if (!c->exited || c->stopping)
		return;
	c->restarts++;
	c->restarts_in_row++;
}

/* A run that began under an earlier daemon keeps its beginning. */
static void note_start(struct engine *engine, struct object *object, struct container *c,
		       const struct container_fact *fact)
{
	uint64_t now_ms = loop_now_ms(engine->loop);
	bool adopted = c->stored_pid && c->stored_pid == c->pid && c->started_wall_ms;

	count_restart(c);
	if (!adopted)
		c->started_wall_ms = loop_wall_ms(engine->loop);
	c->started_ms =
		adopted ? restart_loop_time(now_ms, loop_wall_ms(engine->loop), c->started_wall_ms)
			: now_ms;
	c->exited = c->stopping = c->oom_seen = c->renew = false;
	c->may_stop_until_ms = 0;
	container_forget_signals(c);
	c->stored_pid = 0;
	asked_recall(engine, c, fact);
	if (container_is_root(c))
		object->cell.fresh = false;
}

/* Also for a run that went on under nobody's eyes until it ended. */
static bool was_stable(const struct container *c, uint64_t exited_ms, int64_t exited_wall_ms)
{
	if (c->started_ms)
		return exited_ms >= c->started_ms + RESTART_STABLE_MS;
	return c->stored_pid && exited_wall_ms - c->started_wall_ms >= RESTART_STABLE_MS;
}

/* The store told of one end already: another time means that it ran once more in between. */
static bool is_known_end(const struct container *c, int64_t exited_wall_ms)
{
	return c->exited && (!exited_wall_ms || exited_wall_ms == c->finished_wall_ms);
}

static void note_exit(struct engine *engine, struct container *c, const struct container_fact *fact)
{
	uint64_t now_ms = loop_now_ms(engine->loop);
	int64_t exited_wall_ms =
		fact->exited_at_ms ? fact->exited_at_ms : loop_wall_ms(engine->loop);
	bool told = fact->exited_at_ms && fact->exited_at_ms == c->finished_wall_ms; /* before we
											started */

	if (is_known_end(c, fact->exited_at_ms))
		return;
	if (!c->started_ms)
		asked_recall(engine, c, fact);
	count_restart(c);
	/* Seen as it happened, the loop's clock is the better one. */
	c->exited_ms = c->started_ms ? now_ms
				     : restart_loop_time(now_ms, loop_wall_ms(engine->loop),
							 exited_wall_ms);
	if (was_stable(c, c->exited_ms, exited_wall_ms))
		c->restarts_in_row = 0;
	c->exited = true;
	c->stopping |= now_ms < c->may_stop_until_ms ||
		       (fact->exited_at_ms && fact->exited_at_ms <= c->start_asked_wall_ms);
	c->may_stop_until_ms = 0;
	c->exit_code = fact->task == TASK_STOPPED ? fact->exit_code : EXIT_CODE_UNSEEN;
	c->oom_killed = c->exit_code && (fact->oom_killed || c->oom_seen);
	c->oom_seen = false;
	c->finished_wall_ms = exited_wall_ms;
	c->stored_pid = 0;
	if (!told)
		record_exit(engine, c, fact->task != TASK_STOPPED);
}

/* It says nothing about the pid where it only tells that the task has ended. */
static void set_pid(struct container *c, const struct container_fact *fact)
{
	c->pid = fact->task == TASK_NONE || fact->task == TASK_STOPPED ? 0 : fact->pid;
	if (fact->task == TASK_NONE || fact->pid)
		c->run_pid = fact->task == TASK_NONE ? 0 : fact->pid;
}

static void set_task(struct engine *engine, struct object *object, struct container *c,
		     const struct container_fact *fact)
{
	enum task_state before = c->task;

	c->task = fact->task;
	set_pid(c, fact);
	container_settle_stored_restart(c);
	if (ran(c->task) && !ran(before))
		note_start(engine, object, c, fact);
	else if ((c->task == TASK_STOPPED && before != TASK_STOPPED) ||
		 (c->task == TASK_NONE && ran(before)))
		note_exit(engine, c, fact);
	if (c->task == TASK_NONE || c->task == TASK_STOPPED)
		container_forget_signals(c);
	if (c->task == TASK_NONE && before != TASK_NONE)
		asked_forget(engine, c);
	if (c->task != before)
		engine_changed(engine, object, false);
}

void observed_task(struct engine *engine, struct object *object, struct container *c,
		   enum task_state task, uint32_t pid)
{
	const struct container_fact fact = { .task = task, .pid = pid };

	if (task == TASK_RUNNING && !ran(c->task))
		record_started(engine, c);
	set_task(engine, object, c, &fact);
	engine_enqueue(engine, object);
}

/* Its cgroup has counted a kill: of the run that is on, or of the one that has just ended. */
static void note_oom_kill(struct engine *engine, struct container *c)
{
	if (ran(c->task)) {
		c->oom_seen = true;
	} else if (c->exited && c->exit_code && !c->oom_killed) {
		c->oom_killed = true;
		engine_changed(engine, c->object, false);
	}
}

void observed_container(struct engine *engine, struct object *object, struct container *c,
			const struct container_fact *fact)
{
	c->record = fact->record;
	c->snapshot = fact->snapshot;
	free(c->seen_hash);
	c->seen_hash = xstrdup(fact->spec_hash ? fact->spec_hash : "");
	str_replace(&c->image_digest, fact->image_digest);
	str_replace(&c->seen_name, fact->record ? fact->container : NULL);
	set_task(engine, object, c, fact);
	if (fact->oom_killed)
		note_oom_kill(engine, c);
	engine_enqueue(engine, object);
}

/* The runtime has been asked after @since, and has not answered yet. */
static bool is_asked_since(const struct slot *slot, uint64_t since)
{
	return slot->busy && slot->action == ACTION_CONTAINER_INSPECT && slot->changed_seq > since;
}

/* An empty cgroup and a running container do not go together: ask the runtime. */
static void invalidate_running(struct engine *engine, struct object *object, uint64_t since)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (ran(c->task) && !is_asked_since(&c->slot, since))
			observed_invalidate_container(engine, c);
}

void observed_cgroup(struct engine *engine, struct object *object, const struct cgroup_fact *fact,
		     uint64_t since)
{
	if (object->kind == KIND_CELL && !fact->populated)
		invalidate_running(engine, object, since);
	object->cgroup_exists = fact->exists;
	object->populated = fact->populated;
	object->cgroup_stale |= fact->incomplete;
	if (!fact->populated)
		object->cgroup_killed_ms = object->cgroup_kills = 0;
	strv_fini(&object->controllers);
	for (size_t i = 0; i < fact->controllers.n; i++)
		strv_add(&object->controllers, fact->controllers.items[i]);
	engine_enqueue(engine, object);
}

void observed_attachment(struct engine *engine, struct object *object,
			 const struct attachment_fact *fact)
{
	struct cell *cell = &object->cell;
	bool moved = !str_equal(cell->ip, fact->ip) || !str_equal(cell->ip6, fact->ip6);

	if ((cell->attached != fact->attached || moved) && ports_any(object))
		filter_mark_stale(engine);
	if (cell->attached && fact->drift)
		log_warning("the network of a cell changed by another hand: %s key=%s", fact->drift,
			    object->key);
	cell->pinned = fact->pinned;
	cell->intent = fact->intent;
	cell->attached = fact->attached;
	cell->netns_inode = fact->netns_inode;
	str_replace(&cell->ip, fact->ip);
	str_replace(&cell->ip6, fact->ip6);
	addresses_count(engine, object);
	str_replace(&cell->bridge, fact->bridge);
	bridges_use(engine, &cell->on_bridge, fact->attached ? fact->bridge : NULL);
	str_replace(&cell->reservation, fact->reservation);
	str_replace(&cell->reservation6, fact->reservation6);
	str_replace(&cell->drift, fact->drift);
	engine_set_link(engine, &cell->link, object, fact->link);
	if (fact->ip)
		str_replace(&cell->last_ip, fact->ip);
	if (fact->ip6)
		str_replace(&cell->last_ip6, fact->ip6);
	if (moved)
		hosts_files_cell_changed(engine, object);
}

void observed_no_network(struct engine *engine, struct object *object)
{
	const struct attachment_fact none = { 0 };

	observed_attachment(engine, object, &none);
	joins_observed_none(engine, object);
	object->cell.fresh = false;
}

/* ---- hints ---- */

void observed_invalidate_container(struct engine *engine, struct container *c)
{
	/* containerd repeats the exit when the shim of the last task goes; the deletion itself says
	 * more */
	if (!(c->slot.busy && c->slot.action == ACTION_TASK_DELETE))
		engine_invalidate(engine, c->object, &c->slot);
}

/* Also one whose namespace has not been seen, or is not labelled, yet. */
static struct object *find_realm(struct engine *engine, const char *namespace_)
{
	struct object *realm = engine_find_realm(engine, namespace_), *other;

	if (realm)
		return realm;
	list_for_each(other, &engine->realms, realm_link) {
		AUTO_FREE char *name = other->backing.namespace_ ? NULL : engine_namespace(other);

		if (str_equal(name, namespace_))
			return other;
	}
	return NULL;
}

/* NULL: nobody knows it, so far. */
static struct container *find_hinted(struct engine *engine, const char *namespace_,
				     const char *containerd_id)
{
	struct object *realm = find_realm(engine, namespace_);
	AUTO_FREE char *name = realm ? xasprintf("%s/%s", realm->key, containerd_id) : NULL;
	struct container *c =
		realm ? engine_find_container(engine, realm->key, containerd_id) : NULL;

	if (realm && !c)
		unplaced_note(engine, name);
	return c;
}

void observed_hint_container(struct engine *engine, const char *namespace_,
			     const char *containerd_id)
{
	struct container *c = find_hinted(engine, namespace_, containerd_id);

	if (c)
		observed_invalidate_container(engine, c);
}

/* Of which run it tells nobody knows: the cgroup of the one that is there is asked. */
void observed_oom(struct engine *engine, const char *namespace_, const char *containerd_id)
{
	struct container *c = find_hinted(engine, namespace_, containerd_id);

	if (!c || c->task == TASK_NONE)
		return;
	c->oom_hinted = true;
	observed_invalidate_container(engine, c);
}

/* It looked for one in vain, or is looking: perhaps before this one came. */
static bool waits_for_image(const struct container *c)
{
	return c->image_missing || c->slot.failed_action == ACTION_IMAGE_RESOLVE ||
	       (c->slot.busy && c->slot.action == ACTION_IMAGE_RESOLVE);
}

/* Images come seldom: every cell of the realm is asked whether it waits for one. */
void observed_hint_image(struct engine *engine, const char *namespace_)
{
	struct object *realm = engine_find_realm(engine, namespace_), *object;
	AUTO_FREE char *prefix = realm ? xasprintf("%s/", realm->key) : xstrdup("/");
	struct map_node *node = map_find_from(&engine->objects, prefix);
	struct container *c;

	image_garbage_hint(engine);
	if (realm)
		pulls_images_changed(engine, realm);
	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		object = map_entry(node, struct object, node);
		list_for_each(c, &object->cell.containers, link) {
			if (!waits_for_image(c))
				continue;
			pulls_look_again(engine, c);
		}
	}
}

void observed_hint_cgroup(struct engine *engine, const char *key)
{
	struct object *object = engine_find(engine, key);

	if (object)
		engine_invalidate_cgroup(engine, object);
	else
		unplaced_note(engine, key);
}

void observed_runtime_up(struct engine *engine)
{
	log_info("containerd is connected");
	record_runtime_up(engine);
	engine->runtime_up = true;
	pulls_runtime_up(engine);
	relist_runtime(engine);
}

void observed_runtime_down(struct engine *engine, const struct error *why)
{
	if (engine->runtime_up || !engine->runtime_problem.code) {
		log_warning("containerd cannot be asked: %s", why->msg);
		record_runtime_down(engine, why);
	}
	engine->runtime_up = false;
	engine->runtime_problem = *why;
	engine_enqueue_all(engine);
	progress_made(&engine->progress);
}

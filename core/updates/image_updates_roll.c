/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that are given another image, and how they take it. */
#include "core/desired/run_order.h"
#include "core/driver/images.h"
#include "core/plan/plan_cell.h"
#include "core/plan/restart.h"
#include "core/registry/reference.h"
#include "core/status/record.h"
#include "core/updates/image_updates_private.h"

enum { PROVEN_MS = 10 * 1000 }; /* Ready for so long without a break, it runs well */

void updates_count(struct container *container)
{
	struct image_update *update = &container->update;
	bool tries = update->check && container_tries_image(container);

	if (update->counted == tries)
		return;
	update->counted = tries;
	update->check->n_tries += tries ? 1U : -1U;
	if (!update->check->n_tries)
		updates_roll_later(update->check);
}

/* It runs what its image stands for. */
static void end_update(struct engine *engine, struct container *c)
{
	AUTO_FREE char *image = take_ptr(c->update.image);

	container_forget_update(c);
	c->update.image = take_ptr(image);
	engine_changed(engine, c->object, false);
}

/* As kuke restart does; but the registry has been asked just now. */
static void restart(struct engine *engine, struct object *cell, struct container *c)
{
	const struct run_order order = { .cell = cell, .container = c, .intent = INTENT_RESTART };

	run_order_apply(engine, &order);
	c->image_asked = true;
	engine_changed(engine, cell, false);
	engine_enqueue(engine, cell);
}

/* The root takes the others along. */
static void restart_marked(struct engine *engine, struct object *cell,
			   bool (*is_marked)(const struct container *c))
{
	struct container *root = cell_root(cell), *c;

	if (root && is_marked(root)) {
		restart(engine, cell, root);
		return;
	}
	list_for_each(c, &cell->cell.containers, link)
		if (is_marked(c))
			restart(engine, cell, c);
}

/* ---- forward ---- */

static bool shall_run(const struct container *c)
{
	return c->run == INTENT_RUN && cell_intent(c->object) == INTENT_RUN;
}

/* What has completed, or given up, is not begun anew because there is another image. */
static bool runs_on(const struct image_updates *updates, const struct container *c)
{
	uint64_t at_ms;
	enum restart_verdict verdict;

	if (!c->exited || container_lives(c))
		return true;
	verdict = restart_judge(c, loop_now_ms(updates->engine->loop), &at_ms);
	return verdict == RESTART_DUE || verdict == RESTART_LATER;
}

/* It was made from another image than @digest, and may be made anew for that. */
static bool is_behind(const struct image_check *check, const struct container *c)
{
	return c->spec && c->slot.known && c->record && !str_empty(c->image_digest) &&
	       !str_equal(c->image_digest, check->digest) && !container_tries_image(c) &&
	       !container_changed(c) && shall_run(c) && runs_on(check->updates, c);
}

static bool has_just_begun(const struct container *c)
{
	return container_tries_image(c) && !c->update.counted;
}

static void begin_cell(struct image_check *check, struct object *cell)
{
	struct engine *engine = check->updates->engine;
	struct container *c;

	list_for_each(c, &cell->cell.containers, link) {
		struct image_update *update = &c->update;

		if (update->check != check || !is_behind(check, c))
			continue;
		free(take_ptr(update->pin));
		str_replace(&update->from, c->image_digest);
		str_replace(&update->to, check->digest);
		update->until_ms = update->ready_ms = 0;
		record_image_update(engine, RECORD_IMAGE_UPDATE_FOUND, c, NULL);
	}
	restart_marked(engine, cell, has_just_begun);
	list_for_each(c, &cell->cell.containers, link)
		updates_count(c);
}

/* ---- what those that ran before are kept by ---- */

struct release {
	struct engine *engine;
	struct call call;
};

/* One that stays is shown by kuke image list, and taken by kuke image prune. */
static void on_released(struct call *call)
{
	struct release *release = container_of(call, struct release, call);

	pending_end(&release->engine->under_way);
	free(release);
}

/* Also one of a cell that nobody looks after: its image has a name then, and is shown as used. */
static bool is_used(const struct image_check *check, const char *digest)
{
	const struct engine *engine = check->updates->engine;
	AUTO_FREE char *prefix = xasprintf("%s/", check->realm);
	struct map_node *node = map_find_from(&engine->containers, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		const struct container *c = map_entry(node, struct container, node);

		if (c->record && str_equal(c->image_digest, digest))
			return true;
	}
	return false;
}

static void release(struct image_check *check, const char *namespace_, const char *digest)
{
	struct engine *engine = check->updates->engine;
	AUTO_FREE char *name = reference_name_at(check->image, digest);
	struct release *release = xnew(struct release);

	release->engine = engine;
	pending_begin(&engine->under_way);
	call_init(&release->call, engine->loop, on_released);
	engine->images->ops->remove(engine->images, namespace_, name, digest, &release->call);
}

static void release_kept(struct image_check *check)
{
	struct engine *engine = check->updates->engine;
	struct object *realm = engine_find(engine, check->realm);
	AUTO_FREE char *namespace_ = realm ? engine_namespace(realm) : NULL;

	for (size_t i = 0; realm && i < check->kept.n; i++)
		if (!is_used(check, check->kept.items[i]))
			release(check, namespace_, check->kept.items[i]);
	strv_fini(&check->kept);
}

/* ---- who is next ---- */

/* What an update was taken back from, and what runs well. */
static void look_at_all(const struct image_check *check, bool *ret_refused, unsigned *ret_well)
{
	struct container *c;

	*ret_refused = false;
	*ret_well = 0;
	list_for_each(c, &check->containers, update.link) {
		*ret_refused |= c->update.pin && str_equal(c->update.to, check->digest);
		*ret_well += c->record && str_equal(c->image_digest, check->digest) &&
			     c->object->status.state == API__STATE__STATE_READY;
	}
}

/* The tag stands for what they were taken back to. */
static void forgive_held_back(struct image_check *check)
{
	struct container *c;

	list_for_each(c, &check->containers, update.link)
		if (c->update.pin && str_equal(c->update.from, check->digest))
			end_update(check->updates->engine, c);
}

/* As many again as run it well, but one at least. */
static void on_roll(struct deferred *deferred)
{
	struct image_check *check = container_of(deferred, struct image_check, roll);
	unsigned well;
	struct container *c;
	bool refused;

	if (!check->digest || check->n_tries)
		return;
	forgive_held_back(check);
	look_at_all(check, &refused, &well);
	if (refused)
		return;
	list_for_each(c, &check->containers, update.link)
		if (check->n_tries < (well ? well : 1) && is_behind(check, c))
			begin_cell(check, c->object);
	if (!check->n_tries)
		release_kept(check);
}

void updates_roll_later(struct image_check *check)
{
	if (!check->updates->stopped)
		loop_defer(check->updates->engine->loop, &check->roll, on_roll);
}

/* ---- how it goes ---- */

/* Nobody can say how it takes its image: that is not its fault. */
static bool is_interrupted(const struct engine *engine, const struct container *c)
{
	const struct object *parent = c->object->parent;
	enum run_intent whole = cell_intent(c->object);

	return !engine->runtime_up || !parent || !object_is_usable(parent) ||
	       c->run == INTENT_STOP || c->run == INTENT_KILL || whole == INTENT_STOP ||
	       whole == INTENT_KILL;
}

static bool is_up(const struct container *c)
{
	return c->record && c->slot.known && container_runs(c) && shall_run(c) &&
	       c->object->status.state == API__STATE__STATE_READY;
}

static uint64_t proven_ms(const struct image_updates *updates)
{
	uint64_t half_ms = updates->updating.within_ms / 2;

	return half_ms < PROVEN_MS ? half_ms : PROVEN_MS;
}

static void wake_at(struct engine *engine, struct object *cell, uint64_t at_ms)
{
	if (!timer_active(&cell->wake) || cell->wake.due_ms > at_ms)
		queue_add_at(&engine->queue, cell, at_ms);
}

static void prove(struct engine *engine, struct container *c)
{
	struct image_check *check = c->update.check;

	record_image_update(engine, RECORD_IMAGE_UPDATED, c, NULL);
	if (!check->digest) /* an earlier daemon has asked for it */
		check->digest = xstrdup(c->image_digest);
	if (!strv_has(&check->kept, c->update.from))
		strv_add(&check->kept, c->update.from);
	end_update(engine, c);
}

/* The tag may have moved on, or back, while it was on its way. */
static void judge_up(struct image_updates *updates, struct container *c, uint64_t now_ms)
{
	struct image_update *update = &c->update;

	if (str_equal(c->image_digest, update->from)) {
		end_update(updates->engine, c);
		return;
	}
	str_replace(&update->to, c->image_digest);
	if (!update->ready_ms)
		update->ready_ms = now_ms;
	if (now_ms - update->ready_ms >= proven_ms(updates))
		prove(updates->engine, c);
	else
		wake_at(updates->engine, c->object, update->ready_ms + proven_ms(updates));
}

/* Its time is over. */
static bool fails(struct image_updates *updates, struct container *c, uint64_t now_ms)
{
	struct image_update *update = &c->update;

	if (!container_tries_image(c))
		return false;
	if (is_interrupted(updates->engine, c)) {
		update->until_ms = update->ready_ms = 0;
		return false;
	}
	if (!update->until_ms)
		update->until_ms = now_ms + c->stop_grace_ms + updates->updating.within_ms;
	if (is_up(c))
		judge_up(updates, c, now_ms);
	else
		update->ready_ms = 0;
	if (!container_tries_image(c))
		return false;
	if (now_ms < update->until_ms)
		wake_at(updates->engine, c->object, update->until_ms);
	return now_ms >= update->until_ms;
}

/* ---- back ---- */

/* What it is made of is not what it was taken back to. */
static bool is_to_go_back(const struct container *c)
{
	return c->update.pin && c->slot.known && c->record && !container_changed(c) &&
	       !str_equal(c->image_digest, c->update.from);
}

static void pin(struct engine *engine, struct container *c)
{
	struct image_update *update = &c->update;
	const char *why = c->object->status.message;

	record_image_update(engine, RECORD_IMAGE_ROLLED_BACK, c,
			    str_empty(why) ? "it was Ready for moments only" : why);
	if (!update->check->digest)
		update->check->digest = xstrdup(update->to);
	update->pin = reference_name_at(update->image, update->from);
	c->image_ready = c->image_missing = false;
}

static bool is_pinned(const struct container *c)
{
	return c->update.pin;
}

/* Whichever of its containers it was, all that are new are suspect. */
static void go_back(struct image_updates *updates, struct object *cell)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link)
		if (container_tries_image(c) && c->update.check)
			pin(updates->engine, c);
	restart_marked(updates->engine, cell, is_pinned);
}

/* As often as it is seen, so also by a daemon after the one that decided it. The tag may stand for
 * what it runs by now. */
static void keep_back(struct engine *engine, struct object *cell)
{
	bool anew = false;
	struct container *c;

	list_for_each(c, &cell->cell.containers, link) {
		if (!is_to_go_back(c) || c->image_moved)
			continue;
		c->image_moved = true;
		anew |= container_lives(c) && shall_run(c);
		engine_enqueue(engine, cell);
	}
	if (anew)
		restart_marked(engine, cell, is_to_go_back);
}

void updates_judge(struct image_updates *updates, struct object *cell)
{
	uint64_t now_ms = loop_now_ms(updates->engine->loop);
	struct container *c;
	bool failed = false;

	list_for_each(c, &cell->cell.containers, link)
		failed |= fails(updates, c, now_ms);
	if (failed)
		go_back(updates, cell);
	keep_back(updates->engine, cell);
}

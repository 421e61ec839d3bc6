/* SPDX-License-Identifier: Apache-2.0 */
#include "core/updates/image_updates.h"

#include <stdio.h>

#include "core/base/words.h"
#include "core/images/pulls.h"
#include "core/registry/reference.h"
#include "core/updates/image_updates_private.h"

enum { CLOSE_TO_LAST = 8 }; /* a check in this part of a period after the last one is left out */

static void on_due(struct timer *timer);

/* ---- when ---- */

static void arm(struct image_updates *updates)
{
	struct image_check *first =
		map_entry(map_first(&updates->due), struct image_check, due_node);

	if (first && !updates->stopped)
		timer_start_at(updates->engine->loop, &updates->timer, first->due_ms, on_due);
	else
		timer_stop(&updates->timer);
}

static void unschedule(struct image_check *check)
{
	if (check->due_key)
		map_remove(&check->updates->due, &check->due_node);
	free(take_ptr(check->due_key));
}

/* Until its own time in the period comes, as the wall clock counts them. */
static uint64_t wait_ms(const struct image_check *check, bool asked_now)
{
	const struct image_updates *updates = check->updates;
	uint64_t every_ms = updates->updating.every_ms;
	uint64_t place_ms = words_hash(check->key) % every_ms;
	uint64_t now_ms = (uint64_t)loop_wall_ms(updates->engine->loop) % every_ms;
	uint64_t ms = place_ms > now_ms ? place_ms - now_ms : place_ms + every_ms - now_ms;

	return asked_now && ms < every_ms / CLOSE_TO_LAST ? ms + every_ms : ms;
}

static void schedule(struct image_check *check, bool asked_now)
{
	struct image_updates *updates = check->updates;

	unschedule(check);
	check->due_ms = loop_now_ms(updates->engine->loop) + wait_ms(check, asked_now);
	check->due_key = xasprintf("%020llu %s", (unsigned long long)check->due_ms, check->key);
	map_insert(&updates->due, &check->due_node, check->due_key);
	arm(updates);
}

/* ---- the registry is asked ---- */

static void heard(struct image_check *check)
{
	struct pull *pull = check->watcher.pull;

	if (pull->state == PULL_DONE && pull->digest) {
		str_replace(&check->digest, pull->digest);
		updates_roll_later(check);
	}
	if (pull->state == PULL_DONE || pull->state == PULL_FAILED)
		pull_watcher_leave(&check->watcher);
}

static void on_change(struct pull_watcher *watcher)
{
	heard(container_of(watcher, struct image_check, watcher));
}

/* One that fails is tried again in the lane's own time, and not begun a second time meanwhile. */
static void ask(struct image_check *check)
{
	struct engine *engine = check->updates->engine;
	struct object *realm = engine_find(engine, check->realm);
	const struct pull *known = pulls_find(engine, check->realm, check->image);

	if (!realm || check->watcher.pull)
		return;
	check->watcher.on_change = on_change;
	check->watcher.quiet = check->watcher.keeps = true;
	pulls_want(engine, realm, check->image, known && known->state == PULL_DONE,
		   &check->watcher);
	heard(check);
}

static void on_due(struct timer *timer)
{
	struct image_updates *updates = container_of(timer, struct image_updates, timer);
	uint64_t now_ms = loop_now_ms(updates->engine->loop);
	struct image_check *first;

	while ((first = map_entry(map_first(&updates->due), struct image_check, due_node)) &&
	       first->due_ms <= now_ms) {
		schedule(first, true);
		ask(first);
	}
	arm(updates);
}

/* ---- which images ---- */

static void check_free(struct image_check *check)
{
	pull_watcher_leave(&check->watcher);
	deferred_cancel(&check->roll);
	unschedule(check);
	map_remove(&check->updates->checks, &check->node);
	strv_fini(&check->kept);
	free(check->digest);
	free(check->realm);
	free(check->image);
	free(check->key);
	free(check);
}

static struct image_check *check_of(struct image_updates *updates, const char *realm,
				    const char *image)
{
	AUTO_FREE char *name = reference_name_of(image), *key = xasprintf("%s %s", realm, name);
	struct image_check *check =
		map_entry(map_find(&updates->checks, key), struct image_check, node);

	if (check)
		return check;
	check = xnew(struct image_check);
	check->updates = updates;
	check->key = take_ptr(key);
	check->realm = xstrdup(realm);
	check->image = xstrdup(image);
	list_init(&check->containers);
	map_insert(&updates->checks, &check->node, check->key);
	schedule(check, false);
	return check;
}

void image_updates_leave(struct container *container)
{
	struct image_check *check = container->update.check;

	if (!check)
		return;
	if (container->update.counted && --check->n_tries == 0)
		updates_roll_later(check);
	container->update.counted = false;
	container->update.check = NULL;
	list_remove(&container->update.link);
	if (list_empty(&check->containers))
		check_free(check);
}

static void join(struct image_updates *updates, struct container *c)
{
	struct image_update *update = &c->update;
	const char *key = c->object->key;
	AUTO_FREE char *realm = NULL;

	if (update->check && str_equal(update->image, c->spec->image))
		return;
	image_updates_leave(c);
	realm = xasprintf("%.*s", (int)strcspn(key, "/"), key);
	str_replace(&update->image, c->spec->image);
	update->check = check_of(updates, realm, c->spec->image);
	list_append(&update->check->containers, &update->link);
}

/* ---- which containers ---- */

static bool is_annotated(const struct object *cell)
{
	const Api__Cell *document = (const Api__Cell *)cell->spec;

	return document && str_equal(model_annotation(document->metadata, MODEL_AUTO_UPDATE),
				     MODEL_AUTO_UPDATE_REGISTRY);
}

/* What is named by its digest stands for that, and what is never pulled is not asked for. */
static bool may_move(const struct container *c)
{
	return c->spec && !str_empty(c->spec->image) && !strchr(c->spec->image, '@') &&
	       c->spec->image_pull_policy != API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_NEVER;
}

/* Nobody looks after it any more: what its image stands for counts when it is made anew. */
static void let_be(struct engine *engine, struct container *c)
{
	image_updates_leave(c);
	if (!c->update.from || !c->object->wanted || !c->object->spec || !c->spec)
		return;
	container_forget_update(c);
	engine_changed(engine, c->object, false);
}

void image_updates_follow(struct engine *engine, struct object *object)
{
	struct image_updates *updates = engine->updates;
	struct container *c;
	bool annotated;

	if (!updates || updates->stopped || object->kind != KIND_CELL)
		return;
	annotated = object->wanted && !object->is_self && is_annotated(object);
	list_for_each(c, &object->cell.containers, link) {
		if (annotated && may_move(c))
			join(updates, c);
		else
			let_be(engine, c);
	}
	if (annotated)
		updates_judge(updates, object);
	list_for_each(c, &object->cell.containers, link)
		updates_count(c);
}

/* ---- life ---- */

void image_updates_init(struct engine *engine, const struct image_updating *updating)
{
	struct image_updates *updates;

	if (!engine->images || !updating->every_ms)
		return;
	updates = engine->updates = xnew(struct image_updates);
	updates->engine = engine;
	updates->updating = *updating;
}

void image_updates_stop(struct engine *engine)
{
	struct image_updates *updates = engine->updates;
	struct image_check *check;

	if (!updates)
		return;
	updates->stopped = true;
	timer_stop(&updates->timer);
	map_for_each(check, &updates->checks, node)
		deferred_cancel(&check->roll);
}

void image_updates_fini(struct engine *engine)
{
	struct image_updates *updates = engine->updates;

	if (!updates)
		return;
	check(!updates->checks.count);
	free(updates);
	engine->updates = NULL;
}

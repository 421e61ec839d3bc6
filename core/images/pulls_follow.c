/* SPDX-License-Identifier: Apache-2.0 */
#include "core/images/pulls_follow.h"

#include <errno.h>

#include "core/plan/plan.h"

enum {
	JUST_PULLED_MS = 10 * 1000, /* what was pulled less long ago and is gone is not pulled
				       again: it would go on for ever, as fast as can be */
};

static struct object *realm_of(const struct container *c)
{
	struct object *object = c->object;

	while (object->parent)
		object = object->parent;
	return object;
}

static bool is_never(const struct container *c)
{
	return c->spec->image_pull_policy == API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_NEVER;
}

void pulls_leave(struct container *container)
{
	pull_watcher_leave(&container->pull);
}

/* The registry has been asked: what the name stands for now is looked up. */
static void answered(struct container *c)
{
	c->image_missing = c->image_ready = c->pull_requested = false;
	c->image_asked = true;
	slot_retry_now(&c->slot);
	pulls_leave(c);
}

static void on_change(struct pull_watcher *watcher)
{
	struct container *c = container_of(watcher, struct container, pull);
	struct engine *engine = watcher->pull->engine;

	if (watcher->pull->state == PULL_DONE)
		answered(c);
	engine_changed(engine, c->object, false);
	engine_enqueue(engine, c->object);
}

/* One that fails for what somebody wanted of it earlier is not tried at once again, unless somebody
 * asks. */
static void want(struct engine *engine, struct container *c)
{
	struct object *realm = realm_of(c);
	const char *image = container_image(c);
	struct pull *known;

	if (c->pull.pull && str_equal(c->pull.pull->image, image))
		return;
	known = pulls_find(engine, realm->key, image);
	if (c->pull.pull && known == c->pull.pull)
		return;
	pulls_leave(c);
	c->pull.on_change = on_change;
	c->pull.quiet = true;
	pulls_want(engine, realm, image, c->pull_requested || (known && known->state == PULL_DONE),
		   &c->pull);
	c->pull.pull->missing |= c->image_missing;
	engine_enqueue(engine, c->object); /* something can be said of it now */
}

void pulls_follow(struct engine *engine, struct object *cell, const struct plan *plan)
{
	struct container *c;
	size_t n = 0;

	if (!plan->judged_pulls || engine->closing)
		return;
	list_for_each(c, &cell->cell.containers, link) {
		if (n == plan->n_pulls || plan->pulls[n] != c) {
			pulls_leave(c);
			continue;
		}
		n++;
		if (engine->images)
			want(engine, c);
		else
			answered(c); /* nobody can ask */
	}
}

void pulls_prepare(struct engine *engine, struct object *cell)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link) {
		const struct pull *pull;

		if (!c->spec || c->record || c->image_ready || c->image_missing || is_never(c))
			continue;
		pull = pulls_find(engine, realm_of(c)->key, container_image(c));
		c->image_missing = pull && pull->missing;
	}
}

int pulls_judge_missing(const struct engine *engine, const struct container *container,
			uint64_t since, struct error *err)
{
	const struct pull *pull;

	if (!container->spec || is_never(container) || !engine->images)
		return -ENOENT;
	pull = pulls_find(engine, realm_of(container)->key, container_image(container));
	if (pull && pull->state == PULL_DONE && pull->ended_seq < since &&
	    loop_now_ms(engine->loop) < pull->done_ms + JUST_PULLED_MS)
		return error_set(err, -EAGAIN, "it was pulled a moment ago, and is gone again");
	return 0;
}

bool pulls_came_since(const struct engine *engine, const struct container *container,
		      uint64_t since)
{
	const struct pull *pull =
		pulls_find(engine, realm_of(container)->key, container_image(container));

	return pull && pull->state == PULL_DONE && pull->ended_seq > since;
}

/* It comes anyway. A pull that waits for its registry may do so for long, and what it is to bring
 * may have come by another way. Of those that wait for their turn nobody looks again each time that
 * another image comes: with many images that would be all of them for each one. */
static bool is_coming(const struct pull *pull)
{
	const struct image_progress *progress = pull ? &pull->running.progress : NULL;

	return pull && pull->state == PULL_RUNS &&
	       (!pull->active || (progress->size && !progress->waits));
}

void pulls_look_again(struct engine *engine, struct container *container)
{
	if (is_coming(container->pull.pull))
		return;
	container->image_missing = false;
	engine_want_anew(engine, &container->slot);
	engine_enqueue(engine, container->object);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/images/pulls.h"

#include <errno.h>

#include "core/images/pulls_private.h"
#include "core/registry/reference.h"

/* ---- by name ---- */

static char *key_of(const char *realm, const char *image)
{
	AUTO_FREE char *name = reference_name_of(image);

	return xasprintf("%s %s", realm, name);
}

struct pull *pulls_find(const struct engine *engine, const char *realm, const char *image)
{
	AUTO_FREE char *key = key_of(realm, image);

	return map_entry(map_find(&engine->pulls->by_key, key), struct pull, node);
}

static struct pull *add(struct engine *engine, const struct object *realm, const char *image)
{
	struct lane_pull *lane = xnew(struct lane_pull);
	struct pull *pull = &lane->pull;

	pull->engine = engine;
	lane->realm = xstrdup(realm->key);
	lane->namespace_ = engine_namespace(realm);
	pull->key = key_of(realm->key, image);
	pull->image = xstrdup(image);
	pull->state = PULL_FAILED; /* it has not begun */
	list_init(&pull->watchers);
	list_init(&pull->quiet);
	map_insert(&engine->pulls->by_key, &pull->node, pull->key);
	return pull;
}

/* Wanted again, it is not the next to be forgotten. */
static void remember(struct pull *pull)
{
	if (pull->state == PULL_RUNS || !list_linked(&pull->turn))
		return;
	list_remove(&pull->turn);
	pulls_of(pull)->n_ended--;
}

static void refuse(struct pull *pull)
{
	if (pull->state == PULL_RUNS)
		return;
	pull->state = PULL_FAILED;
	pull->status = error_set(&pull->err, -EOPNOTSUPP, "this daemon pulls no images");
	pull->fault = IMAGE_FAULT_OTHER;
}

/* Whether it has come to an end by itself before. */
static bool has_outcome(const struct pull *pull)
{
	return pull->done_ms || pull->failures;
}

struct pull *pulls_want(struct engine *engine, struct object *realm, const char *image, bool anew,
			struct pull_watcher *watcher)
{
	struct pull *pull = pulls_find(engine, realm->key, image);

	if (!pull)
		pull = add(engine, realm, image);
	remember(pull);
	lane_watch(pull, watcher);
	if (!engine->images || engine->pulls->stopped)
		refuse(pull);
	else if (pull->state != PULL_RUNS && (anew || !has_outcome(pull)))
		lane_begin(pull);
	else if (pull->state == PULL_FAILED)
		lane_wait(pull);
	return pull;
}

void pull_retry(struct pull *pull)
{
	if (pull->state != PULL_WAITS && pull->state != PULL_FAILED)
		return;
	pull->failures = 0;
	pull->again_ms = 0;
	if (pull->state == PULL_WAITS)
		lane_wait(pull);
}

/* All of a realm, by their names. */
static struct pull *next_of(const struct object *realm, struct map_node *node)
{
	size_t len = strlen(realm->key);
	bool there = node && strncmp(node->key, realm->key, len) == 0 && node->key[len] == ' ';

	return there ? map_entry(node, struct pull, node) : NULL;
}

static struct pull *first_of(const struct engine *engine, const struct object *realm)
{
	AUTO_FREE char *prefix = xasprintf("%s ", realm->key);

	return next_of(realm, map_find_from(&engine->pulls->by_key, prefix));
}

void pulls_credentials_changed(struct engine *engine, const struct object *realm)
{
	struct pull *pull = first_of(engine, realm);

	for (; pull; pull = next_of(realm, map_next(&pull->node))) {
		pull->outdated = pull->active;
		pull_retry(pull);
	}
}

void pulls_images_changed(struct engine *engine, const struct object *realm)
{
	struct pull *pull = first_of(engine, realm);

	for (; pull; pull = next_of(realm, map_next(&pull->node)))
		pull->missing = false;
}

void pulls_runtime_up(struct engine *engine)
{
	struct pull *pull;

	map_for_each(pull, &engine->pulls->by_key, node)
		if (pull->fault == IMAGE_FAULT_OTHER)
			pull_retry(pull);
}

/* ---- life ---- */

void pulls_init(struct engine *engine)
{
	struct pulls *pulls = engine->pulls = xnew(struct pulls);

	list_init(&pulls->turn);
	list_init(&pulls->ended);
}

void pulls_stop(struct engine *engine)
{
	struct pull *pull;

	engine->pulls->stopped = true;
	map_for_each(pull, &engine->pulls->by_key, node) {
		timer_stop(&pull->next_try);
		lane_cancel(pull);
	}
}

void pulls_fini(struct engine *engine)
{
	struct pulls *pulls = engine->pulls;
	struct pull *pull;

	check(!pulls->n_active);
	map_for_each(pull, &pulls->by_key, node)
		lane_free(pull);
	free(pulls);
	engine->pulls = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/unplaced.h"

/* More would be a storm of which nothing is ours: then nothing new is believed without a look of
 * its own. */
enum { UNPLACED_MAX = 4096 };

struct unplaced {
	struct map_node node; /* struct engine.unplaced, by name */
	char *name;
	uint64_t seq;
};

static struct unplaced *find(const struct engine *engine, const char *name)
{
	return map_entry(map_find(&engine->unplaced, name), struct unplaced, node);
}

void unplaced_note(struct engine *engine, const char *name)
{
	struct unplaced *unplaced;

	if (list_empty(&engine->relists))
		return;
	if (engine->unplaced.count == UNPLACED_MAX) {
		unplaced_forget(engine);
		engine->forgot_seq = ++engine->seq;
	}
	unplaced = find(engine, name);
	if (!unplaced) {
		unplaced = xnew(struct unplaced);
		unplaced->name = xstrdup(name);
		map_insert(&engine->unplaced, &unplaced->node, unplaced->name);
	}
	unplaced->seq = ++engine->seq;
}

uint64_t unplaced_seq(const struct engine *engine, const char *name)
{
	const struct unplaced *unplaced = find(engine, name);

	return unplaced ? unplaced->seq : 0;
}

void unplaced_forget(struct engine *engine)
{
	struct unplaced *unplaced;

	map_for_each(unplaced, &engine->unplaced, node) {
		map_remove(&engine->unplaced, &unplaced->node);
		free(unplaced->name);
		free(unplaced);
	}
}

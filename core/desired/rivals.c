/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/rivals.h"

#include "core/model/clashes.h"
#include "core/state/engine.h"

/* ---- all rivals of a cell ---- */

struct asking {
	struct engine *engine;
	const struct object *cell;
};

static struct object *to_object(struct folded_name *name)
{
	return container_of(name, struct object, cell.folded);
}

static bool enqueue(struct folded_name *rival, void *ctx)
{
	engine_enqueue(((const struct asking *)ctx)->engine, to_object(rival));
	return false;
}

static void enqueue_all(struct engine *engine, const struct object *cell)
{
	struct asking asking = { engine, cell };

	folded_names_find(&engine->folded, cell->key, enqueue, &asking);
}

static bool goes_before(struct folded_name *rival, void *ctx)
{
	const struct object *other = to_object(rival), *cell = ((const struct asking *)ctx)->cell;
	bool other_was_ready = other->status.ready_ms, was_ready = cell->status.ready_ms;

	if (other->cell.rival) /* it waits itself; it enqueues us when it does not any more */
		return false;
	if (other_was_ready != was_ready)
		return other_was_ready;
	if (other->cell.intent != cell->cell.intent)
		return other->cell.intent;
	return other->cell.folded_seq < cell->cell.folded_seq;
}

/* ---- what others ask ---- */

void rivals_forget(struct engine *engine, struct object *cell)
{
	folded_names_remove(&engine->folded, &cell->cell.folded);
}

void rivals_changed(struct engine *engine, struct object *cell)
{
	if (cell->kind != KIND_CELL)
		return;
	rivals_forget(engine, cell);
	if (cell->wanted) {
		cell->cell.folded_seq = ++engine->seq;
		check(folded_names_add(&engine->folded, &cell->cell.folded, cell->key));
	}
	enqueue_all(engine, cell);
}

void rivals_prepare(struct engine *engine, struct object *cell)
{
	struct asking asking = { engine, cell };
	struct folded_name *other;
	char *rival;

	if (cell->kind != KIND_CELL)
		return;
	other = cell->wanted ? folded_names_find(&engine->folded, cell->key, goes_before, &asking)
			     : NULL;
	rival = other ? clash_of_names(to_object(other)->key) : NULL;
	if (!str_equal(rival, cell->cell.rival))
		enqueue_all(engine, cell);
	free(cell->cell.rival);
	cell->cell.rival = rival;
}

char *rivals_clash(struct engine *engine, const char *cell_key)
{
	struct folded_name *other = folded_names_find(&engine->folded, cell_key, NULL, NULL);

	return other ? clash_of_names(to_object(other)->key) : NULL;
}

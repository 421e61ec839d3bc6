/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/addresses_count.h"

#include "core/state/addresses.h"

static void count(struct engine *engine, struct object *space, bool has, bool *counted)
{
	enum addresses_left before;

	if (!space || *counted == has)
		return;
	before = addresses_left(space);
	*counted = has;
	space->backing.addresses_used += has ? 1 : (unsigned)-1;
	if (!space->backing.addresses_used && object_refuses_ranges(space)) {
		engine_want_anew(engine,
				 &space->backing.slot); /* nothing stands in the way any more */
		engine_enqueue(engine, space);
	}
	if (addresses_left(space) != before)
		engine_enqueue(engine, space);
}

void addresses_count(struct engine *engine, struct object *cell)
{
	struct object *space = cell->parent ? cell->parent->parent : NULL;

	count(engine, space, cell->cell.ip, &cell->cell.counted);
	if (cell->cell.counted == list_linked(&cell->cell.space_link))
		return;
	if (cell->cell.counted)
		list_append(&space->backing.cells, &cell->cell.space_link);
	else
		list_remove(&cell->cell.space_link);
}

void addresses_count_join(struct engine *engine, struct join *join)
{
	count(engine, engine_find(engine, join->space_key), join->ip, &join->counted);
}

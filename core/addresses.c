/* SPDX-License-Identifier: Apache-2.0 */
#include "core/addresses.h"

#include "core/engine.h"

enum { LOW_PERCENT = 80, NOT_FOR_CELLS = 3, ADDRESS_BITS = 32 };

uint32_t addresses_of(const char *subnet)
{
	const char *slash = subnet ? strchr(subnet, '/') : NULL;
	int prefix = slash ? atoi(slash + 1) : 0;
	uint64_t addresses;

	if (prefix < 1 || prefix > ADDRESS_BITS - 2)
		return 0;
	addresses = (1ull << (ADDRESS_BITS - prefix)) - NOT_FOR_CELLS;
	return addresses < ADDRESSES_BRIDGE_PORTS ? (uint32_t)addresses : ADDRESSES_BRIDGE_PORTS;
}

enum addresses_left addresses_left(const struct object *space)
{
	uint64_t total = addresses_of(space->own.space.subnet), used = space->own.addresses_used;

	if (total && used >= total)
		return ADDRESSES_NONE;
	return total && used * 100 >= total * LOW_PERCENT ? ADDRESSES_LOW : ADDRESSES_ENOUGH;
}

static void count(struct engine *engine, struct object *space, bool has, bool *counted)
{
	enum addresses_left before;

	if (!space || *counted == has)
		return;
	before = addresses_left(space);
	*counted = has;
	space->own.addresses_used += has ? 1 : (unsigned)-1;
	if (!space->own.addresses_used && object_refuses_ranges(space)) {
		engine_want_anew(engine, &space->own.slot); /* nothing stands in the way any more */
		engine_touch(engine, space);
	}
	if (addresses_left(space) != before)
		engine_touch(engine, space);
}

void addresses_count(struct engine *engine, struct object *cell)
{
	struct object *space = cell->parent ? cell->parent->parent : NULL;

	count(engine, space, cell->cell.ip, &cell->cell.counted);
}

void addresses_count_join(struct engine *engine, struct join *join)
{
	count(engine, engine_find(engine, join->space_key), join->ip, &join->counted);
}

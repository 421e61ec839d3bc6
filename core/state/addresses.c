/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/addresses.h"

#include "core/state/object.h"

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
	uint64_t total = addresses_of(space->backing.space.subnet),
		 used = space->backing.addresses_used;

	if (total && used >= total)
		return ADDRESSES_NONE;
	return total && used * 100 >= total * LOW_PERCENT ? ADDRESSES_LOW : ADDRESSES_ENOUGH;
}

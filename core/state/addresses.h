/* SPDX-License-Identifier: Apache-2.0 */
/* How many addresses a space has, and how many of them its cells use. */
#pragma once

#include <stdint.h>

struct object;

/* No bridge of Linux has more (BR_MAX_PORTS), and each address is at one of them. */
enum { ADDRESSES_BRIDGE_PORTS = 1023 };

/* What cells can have of a range ("10.88.0.0/16"): not its first and last address, not the
 * bridge's, and no more than that has ports. 0: it is no range. */
uint32_t addresses_of(const char *subnet);

enum addresses_left {
	ADDRESSES_ENOUGH,
	ADDRESSES_LOW, /* four of five are in use */
	ADDRESSES_NONE,
};

enum addresses_left addresses_left(const struct object *space);

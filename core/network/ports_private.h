/* SPDX-License-Identifier: Apache-2.0 */
/* One port of the host, and all that declare it. Private to the ports. */
#pragma once

#include "core/model/ports.h"
#include "core/network/network_ports.h"

/*
 * All that declare one port of the host, on whatever address: only they can be in each other's way.
 * Whoever changes is put into its groups anew and these are stale; before the next plan each
 * stale group is decided once, however many of it have changed.
 */
struct port_group {
	struct map_node node; /* struct ports.groups */
	char name[sizeof("65535/tcp")];
	struct list declared; /* struct declared.in_group; as last decided, the first one wins */
	size_t n;
	struct list stale; /* struct ports.stale */
};

/* One port that a cell declares. */
struct declared {
	struct list in_group, in_cell;
	struct port_group *group;
	struct published_port port;
	struct object *cell;
	/* as last decided: */
	bool holds;              /* it leads to the cell now */
	struct declared *holder; /* of what it lost; NULL: it has it itself */
	size_t rank;
};

/* Decides whose the port is. Returns whether another port leads to a cell that is there. */
bool port_group_decide(struct port_group *group);

/* The filter has some of its ports, shall have some, or had to leave one out. */
bool ports_are_reported(const struct object *cell);

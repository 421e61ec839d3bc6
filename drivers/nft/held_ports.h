/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that hold published ports: bound and never read, so that another program of the host that
 * wants the port is told that it is in use, and one that has it already is noticed. Packets do not
 * come this far, the filter turns them away before. Worker threads only.
 */
#pragma once

#include "core/driver/filter.h"

struct held_port {
	struct filter_port port; /* its strings are its own */
	int fd;
};

struct held_ports {
	struct held_port *items;
	size_t n;
};

void held_ports_fini(struct held_ports *held);

/* Holds what @wish publishes and nothing else; says there what is taken. */
void held_ports_update(struct held_ports *held, struct filter_wish *wish);

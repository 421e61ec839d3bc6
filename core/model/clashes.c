/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/clashes.h"

char *clash_of_names(const char *other_cell_key)
{
	return xasprintf("its name and that of cell %s differ in case only, and in one space "
			 "resolvers do not tell them apart; choose another name here or there",
			 other_cell_key);
}

char *clash_of_ports(const struct published_port *port, const char *other_cell_key)
{
	char text[PORT_TEXT_BYTES];

	return xasprintf("port %s of the host is published by cell %s; choose another one here or "
			 "there",
			 port_host_text(port, text), other_cell_key);
}

char *clash_of_ranges(const char *range, const char *owner)
{
	return xasprintf("%s %s overlaps %s: choose another",
			 strchr(range, ':') ? "subnet6" : "subnet", range, owner);
}

char *clash_missing_space(const char *space_key, const char *how)
{
	return xasprintf("space %s, which its containers name in networks, %s: create it first, or "
			 "in the same request",
			 space_key, how);
}

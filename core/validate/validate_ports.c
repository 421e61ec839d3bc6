/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of published ports: of each, and of all that one cell publishes. */
#include <stdio.h>

#include "core/model/ports.h"
#include "core/validate/validate.h"

enum { CELL_PORTS_MAX = 256, FIELD_MAX_BYTES = 48 };

static const char *field_of(size_t i, char ret_field[FIELD_MAX_BYTES])
{
	snprintf(ret_field, FIELD_MAX_BYTES, "ports[%zu]", i);
	return ret_field;
}

void validate_ports(const char *prefix, const Api__ContainerSpec *spec,
		    struct model_problems *problems)
{
	char field[FIELD_MAX_BYTES];

	if (!validate_list(prefix, "ports", spec->n_ports, problems))
		return;
	for (size_t i = 0; i < spec->n_ports; i++) {
		struct published_port port;
		struct error err;

		if (port_parse(spec->ports[i], &port, &err) < 0)
			validate_problem(problems, prefix, field_of(i, field), "\"" SHOWN "\": %s",
					 spec->ports[i], err.msg);
	}
}

struct seen_port {
	struct published_port port;
	size_t container, index;
};

static const struct seen_port *find_clash(const struct seen_port *seen, size_t n,
					  const struct published_port *port)
{
	for (size_t i = 0; i < n; i++)
		if (port_clashes(&seen[i].port, port))
			return &seen[i];
	return NULL;
}

void validate_cell_ports(const Api__CellSpec *spec, struct model_problems *problems)
{
	AUTO_FREE struct seen_port *seen = xcalloc(CELL_PORTS_MAX, sizeof(*seen));
	char prefix[FIELD_MAX_BYTES], field[FIELD_MAX_BYTES];
	size_t n = 0;

	for (size_t c = 0; c < spec->n_containers; c++) {
		const Api__ContainerSpec *container = spec->containers[c];

		snprintf(prefix, sizeof(prefix), "spec.containers[%zu]", c);
		for (size_t i = 0; i < container->n_ports; i++) {
			struct published_port port;
			const struct seen_port *clash;

			if (port_parse(container->ports[i], &port, NULL) < 0)
				continue; /* said already */
			clash = find_clash(seen, n, &port);
			if (clash) {
				validate_problem(
					problems, prefix, field_of(i, field),
					"\"" SHOWN "\": this port of the host is published "
					"by containers[%zu].ports[%zu] already",
					container->ports[i], clash->container, clash->index);
			} else if (n == CELL_PORTS_MAX) {
				validate_problem(problems, prefix, "ports",
						 "the cell publishes more than %d ports",
						 CELL_PORTS_MAX);
				return;
			} else {
				seen[n++] = (struct seen_port){ port, c, i };
			}
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a wish makes of the packet filter: the elements of its sets and maps. Pure. */
#pragma once

#include "core/driver/filter.h"

/* One entry of a set or map: of two with the same key the data may differ. */
struct filter_element {
	char *key, *data; /* data: NULL in sets */
};

struct filter_elements {
	struct filter_element *items; /* by key, each once */
	size_t n;
};

enum filter_set {
	SET_BRIDGES,
	SET_INSIDE,
	SET_DENY,
	SET_DROPPED,
	/* by family: that of IPv6 is the next one */
	SET_RANGES,
	SET_RANGES6,
	SET_GUESTS,
	SET_GUESTS6,
	SET_ALLOWED,
	SET_ALLOWED6,
	SET_ALLOWED_PORTS,
	SET_ALLOWED_PORTS6,
	SET_PORTS,
	SET_PORTS6,
	SET_PORTS_AT,
	SET_PORTS_AT6,
	SET_COUNT
};

/* "ports_at6", and how it is declared, up to its elements. */
const char *filter_set_name(enum filter_set set);
const char *filter_set_declaration(enum filter_set set);

/* Sorted, each key once. */
void filter_elements_of(const struct filter_wish *wish,
			struct filter_elements ret_tables[SET_COUNT]);
void filter_elements_fini(struct filter_elements tables[SET_COUNT]);

/* Whether it is there with the same data. */
bool filter_elements_have(const struct filter_elements *elements,
			  const struct filter_element *element);

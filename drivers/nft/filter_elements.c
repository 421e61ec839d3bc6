/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/filter_elements.h"

#include "core/base/str.h"
#include "core/model/names.h"
#include "drivers/nft/filter_text.h"

#define BY_FAMILY(set, name, before, after)                                                        \
	[set] = { name, before " " name " { type " after("ipv4_addr") },                           \
	[set + 1] = { name "6", before " " name "6 { type " after("ipv6_addr") }

#define RANGES(address) "ifname . " address "; flags interval;"
#define GUESTS(address) "ifname . " address ";"
#define ALLOWED_PORTS(address) "ifname . " address " . inet_proto . inet_service; flags interval;"
#define PORTS(address) "inet_proto . inet_service : " address " . inet_service;"
#define PORTS_AT(address) address " . inet_proto . inet_service : " address " . inet_service;"

static const struct {
	const char *name, *declaration;
} sets[SET_COUNT] = {
	[SET_BRIDGES] = { "bridges", "set bridges { type ifname;" },
	[SET_INSIDE] = { "inside", "set inside { type ifname . ifname;" },
	[SET_DENY] = { "deny", "set deny { type ifname;" },
	[SET_DROPPED] = { FILTER_DROPPED_SET,
			  "set " FILTER_DROPPED_SET " { type ifname; counter;" },
	BY_FAMILY(SET_RANGES, "ranges", "set", RANGES),
	BY_FAMILY(SET_GUESTS, "guests", "set", GUESTS),
	BY_FAMILY(SET_ALLOWED, "allowed", "set", RANGES),
	BY_FAMILY(SET_ALLOWED_PORTS, "allowed_ports", "set", ALLOWED_PORTS),
	BY_FAMILY(SET_PORTS, "ports", "map", PORTS),
	BY_FAMILY(SET_PORTS_AT, "ports_at", "map", PORTS_AT),
};

const char *filter_set_name(enum filter_set set)
{
	return sets[set].name;
}

const char *filter_set_declaration(enum filter_set set)
{
	return sets[set].declaration;
}

static void elements_fini(struct filter_elements *elements)
{
	for (size_t i = 0; i < elements->n; i++) {
		free(elements->items[i].key);
		free(elements->items[i].data);
	}
	free(elements->items);
	*elements = (struct filter_elements){ 0 };
}

/* Takes both strings. */
static void elements_add(struct filter_elements *elements, char *key, char *data)
{
	elements->items = xrealloc(elements->items, (elements->n + 1) * sizeof(*elements->items));
	elements->items[elements->n++] = (struct filter_element){ key, data };
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct filter_element *)a)->key,
		      ((const struct filter_element *)b)->key);
}

/* Sorted; of several with the same key the first stays. */
static void elements_settle(struct filter_elements *elements)
{
	size_t kept = 0;

	if (elements->n)
		qsort(elements->items, elements->n, sizeof(*elements->items), by_key);
	for (size_t i = 0; i < elements->n; i++) {
		if (kept && strcmp(elements->items[kept - 1].key, elements->items[i].key) == 0) {
			free(elements->items[i].key);
			free(elements->items[i].data);
		} else {
			elements->items[kept++] = elements->items[i];
		}
	}
	elements->n = kept;
}

static enum filter_set of_family(enum filter_set set, bool v6)
{
	return (enum filter_set)((int)set + v6);
}

static void add_port(struct filter_elements tables[SET_COUNT], const struct filter_port *port)
{
	const char *protocol = port->udp ? "udp" : "tcp";
	bool v6 = filter_is_ip6(port->ip);
	char *data = xasprintf("%s . %u", port->ip, port->port);

	if (port->host_ip)
		elements_add(&tables[of_family(SET_PORTS_AT, v6)],
			     xasprintf("%s . %s . %u", port->host_ip, protocol, port->host_port),
			     data);
	else
		elements_add(&tables[of_family(SET_PORTS, v6)],
			     xasprintf("%s . %u", protocol, port->host_port), data);
}

static void add_allow(struct filter_elements tables[SET_COUNT], const char *bridge,
		      const struct filter_allow *allow)
{
	char first[IP_TEXT_BYTES], last[IP_TEXT_BYTES];
	AUTO_FREE char *range = NULL, *ports = NULL;
	bool v6 = allow->v6;

	(v6 ? ip_format6 : ip_format)(&allow->first, first);
	(v6 ? ip_format6 : ip_format)(&allow->last, last);
	range = strcmp(first, last) == 0 ? xstrdup(first) : xasprintf("%s-%s", first, last);
	if (allow->what == ALLOW_ALL) {
		elements_add(&tables[of_family(SET_ALLOWED, v6)],
			     xasprintf("\"%s\" . %s", bridge, range), NULL);
		return;
	}
	ports = allow->first_port == allow->last_port
			? xasprintf("%u", allow->first_port)
			: xasprintf("%u-%u", allow->first_port, allow->last_port);
	elements_add(&tables[of_family(SET_ALLOWED_PORTS, v6)],
		     xasprintf("\"%s\" . %s . %s . %s", bridge, range,
			       allow->what == ALLOW_UDP ? "udp" : "tcp", ports),
		     NULL);
}

static void add_policy(struct filter_elements tables[SET_COUNT], const struct filter_space *space)
{
	if (!space->denies)
		return;
	elements_add(&tables[SET_DENY], xasprintf("\"%s\"", space->bridge), NULL);
	elements_add(&tables[SET_DROPPED], xasprintf("\"%s\"", space->bridge), NULL);
	for (size_t i = 0; i < space->n_allow; i++)
		add_allow(tables, space->bridge, &space->allow[i]);
}

static void add_space_elements(struct filter_elements tables[SET_COUNT],
			       const struct filter_space *space)
{
	const char *bridge = space->bridge;

	elements_add(&tables[SET_BRIDGES], xasprintf("\"%s\"", bridge), NULL);
	elements_add(&tables[SET_INSIDE], xasprintf("\"%s\" . \"%s\"", bridge, bridge), NULL);
	elements_add(&tables[SET_RANGES], xasprintf("\"%s\" . %s", bridge, space->subnet), NULL);
	if (space->subnet6)
		elements_add(&tables[SET_RANGES6], xasprintf("\"%s\" . %s", bridge, space->subnet6),
			     NULL);
	add_policy(tables, space);
}

static void add_guest(struct filter_elements tables[SET_COUNT], const struct filter_guest *guest)
{
	enum filter_set set = of_family(SET_GUESTS, filter_is_ip6(guest->ip));

	if (!name_is_link(guest->bridge))
		return; /* of a space that is left out */
	elements_add(&tables[set], xasprintf("\"%s\" . %s", guest->bridge, guest->ip), NULL);
	elements_add(&tables[SET_DROPPED], xasprintf("\"%s\"", guest->bridge), NULL);
}

void filter_elements_of(const struct filter_wish *wish, struct filter_elements tables[SET_COUNT])
{
	for (size_t i = 0; i < wish->n_spaces; i++)
		if (!wish->spaces[i].problem)
			add_space_elements(tables, &wish->spaces[i]);
	for (size_t i = 0; i < wish->n_guests; i++)
		add_guest(tables, &wish->guests[i]);
	for (size_t i = 0; i < wish->n_ports; i++)
		if (!wish->ports[i].taken)
			add_port(tables, &wish->ports[i]);
	for (int set = 0; set < SET_COUNT; set++)
		elements_settle(&tables[set]);
}

void filter_elements_fini(struct filter_elements tables[SET_COUNT])
{
	for (int set = 0; set < SET_COUNT; set++)
		elements_fini(&tables[set]);
}

bool filter_elements_have(const struct filter_elements *elements,
			  const struct filter_element *element)
{
	const struct filter_element *found =
		elements->n ? bsearch(element, elements->items, elements->n,
				      sizeof(*elements->items), by_key)
			    : NULL;

	return found && str_equal(found->data, element->data);
}

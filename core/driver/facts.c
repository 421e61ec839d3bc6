/* SPDX-License-Identifier: Apache-2.0 */
#include "core/driver/cgroup.h"
#include "core/driver/network.h"
#include "core/driver/runtime.h"

void container_fact_fini(struct container_fact *fact)
{
	free(fact->id);
	free(fact->cell_key);
	free(fact->role);
	free(fact->container);
	free(fact->spec_hash);
	free(fact->image_digest);
	*fact = (struct container_fact){ 0 };
}

void container_facts_fini(struct container_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		container_fact_fini(&facts->items[i]);
	free(facts->items);
	*facts = (struct container_facts){ 0 };
}

void space_fact_fini(struct space_fact *fact)
{
	free(fact->space_key);
	free(fact->conflist);
	free(fact->bridge);
	free(fact->subnet);
	free(fact->subnet6);
	free(fact->drift);
	*fact = (struct space_fact){ 0 };
}

void join_fact_fini(struct join_fact *fact)
{
	free(fact->space_key);
	free(fact->interface);
	free(fact->ip);
	free(fact->ip6);
	free(fact->bridge);
	free(fact->link);
	free(fact->reservation);
	free(fact->reservation6);
	free(fact->drift);
	*fact = (struct join_fact){ 0 };
}

void attachment_fact_fini(struct attachment_fact *fact)
{
	for (size_t i = 0; i < fact->n_joins; i++)
		join_fact_fini(&fact->joins[i]);
	free(fact->joins);
	free(fact->cell_key);
	free(fact->ip);
	free(fact->ip6);
	free(fact->bridge);
	free(fact->link);
	free(fact->reservation);
	free(fact->reservation6);
	free(fact->drift);
	*fact = (struct attachment_fact){ 0 };
}

void network_facts_fini(struct network_facts *facts)
{
	for (size_t i = 0; i < facts->n_spaces; i++)
		space_fact_fini(&facts->spaces[i]);
	for (size_t i = 0; i < facts->n_attachments; i++)
		attachment_fact_fini(&facts->attachments[i]);
	free(facts->spaces);
	free(facts->attachments);
	*facts = (struct network_facts){ 0 };
}

bool filter_is_ip6(const char *ip)
{
	return strchr(ip, ':');
}

void filter_wish_fini(struct filter_wish *wish)
{
	for (size_t i = 0; i < wish->n_spaces; i++) {
		free(wish->spaces[i].key);
		free(wish->spaces[i].bridge);
		free(wish->spaces[i].subnet);
		free(wish->spaces[i].subnet6);
		free(wish->spaces[i].problem);
		free(wish->spaces[i].allow);
	}
	for (size_t i = 0; i < wish->n_guests; i++) {
		free(wish->guests[i].bridge);
		free(wish->guests[i].ip);
	}
	for (size_t i = 0; i < wish->n_ports; i++) {
		free(wish->ports[i].cell_key);
		free(wish->ports[i].host_ip);
		free(wish->ports[i].bridge);
		free(wish->ports[i].ip);
	}
	free(wish->spaces);
	free(wish->ports);
	free(wish->guests);
	*wish = (struct filter_wish){ 0 };
}

void filter_wish_copy(const struct filter_wish *wish, struct filter_wish *ret)
{
	*ret = (struct filter_wish){ .n_spaces = wish->n_spaces, .n_ports = wish->n_ports };
	ret->spaces = xcalloc(wish->n_spaces, sizeof(*ret->spaces));
	ret->ports = xcalloc(wish->n_ports, sizeof(*ret->ports));
	ret->guests = xcalloc(wish->n_guests, sizeof(*ret->guests));
	ret->n_guests = wish->n_guests;
	for (size_t i = 0; i < wish->n_spaces; i++) {
		const struct filter_space *from = &wish->spaces[i];

		ret->spaces[i] = *from;
		ret->spaces[i].key = xstrdup(from->key);
		ret->spaces[i].bridge = xstrdup(from->bridge);
		ret->spaces[i].subnet = xstrdup(from->subnet);
		ret->spaces[i].subnet6 = xstrdup_maybe(from->subnet6);
		ret->spaces[i].allow = xcalloc(from->n_allow, sizeof(*from->allow));
		if (from->n_allow)
			memcpy(ret->spaces[i].allow, from->allow,
			       from->n_allow * sizeof(*from->allow));
	}
	for (size_t i = 0; i < wish->n_guests; i++)
		ret->guests[i] = (struct filter_guest){ .bridge = xstrdup(wish->guests[i].bridge),
							.ip = xstrdup(wish->guests[i].ip) };
	for (size_t i = 0; i < wish->n_ports; i++) {
		const struct filter_port *from = &wish->ports[i];

		ret->ports[i] = *from;
		ret->ports[i].cell_key = xstrdup(from->cell_key);
		ret->ports[i].host_ip = xstrdup_maybe(from->host_ip);
		ret->ports[i].bridge = xstrdup(from->bridge);
		ret->ports[i].ip = xstrdup(from->ip);
	}
}

static void traffic_port_fini(struct traffic_port *port)
{
	free(port->host_ip);
	free(port->ip);
}

void traffic_fini(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->n_spaces; i++) {
		struct traffic_space *space = &traffic->spaces[i];

		free(space->key);
		free(space->bridge);
		free(space->link);
		free(space->ip);
		free(space->ip6);
		free(space->peer);
		free(space->peer6);
		traffic_port_fini(&space->port);
		traffic_port_fini(&space->port6);
		free(space->blocked);
		free(space->remedy);
		free(space->shut);
		free(space->shut_remedy);
	}
	free(traffic->spaces);
	free(traffic->impossible);
	*traffic = (struct traffic){ 0 };
}

void host_ways_fini(struct host_ways *ways)
{
	for (size_t i = 0; i < ways->n_spaces; i++) {
		struct ways_space *space = &ways->spaces[i];

		free(space->key);
		free(space->bridge);
		free(space->subnet);
		free(space->subnet6);
		free(space->overlap);
	}
	free(ways->spaces);
	strv_fini(&ways->mended);
	free(ways->off);
	*ways = (struct host_ways){ 0 };
}

void filter_drops_fini(struct filter_drops *drops)
{
	for (size_t i = 0; i < drops->n; i++)
		free(drops->items[i].bridge);
	free(drops->items);
	*drops = (struct filter_drops){ 0 };
}

void cgroup_fact_fini(struct cgroup_fact *fact)
{
	free(fact->key);
	strv_fini(&fact->controllers);
	*fact = (struct cgroup_fact){ 0 };
}

void cgroup_facts_fini(struct cgroup_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		cgroup_fact_fini(&facts->items[i]);
	free(facts->items);
	*facts = (struct cgroup_facts){ 0 };
}

static const char *const host_kind_names[] = {
	[HOST_SHIM] = "shim",           [HOST_TASK] = "task",
	[HOST_CONTAINER] = "container", [HOST_SNAPSHOT] = "snapshot",
	[HOST_LEASE] = "lease",         [HOST_VETH] = "veth",
	[HOST_IPAM] = "ipam",           [HOST_NETNS] = "netns",
	[HOST_MOUNT] = "mount",         [HOST_BRIDGE] = "bridge",
	[HOST_CONFLIST] = "conflist",   [HOST_NFT] = "nft",
	[HOST_CGROUP] = "cgroup",       [HOST_JOURNAL] = "journal",
	[HOST_INGEST] = "ingest",       [HOST_VOLUMES] = "volumes",
	[HOST_LOG_FIFOS] = "log fifos", [HOST_LOG_FILES] = "log files",
};

const char *host_kind_name(enum host_kind kind)
{
	return host_kind_names[kind];
}

static void reserve(struct host_things *things, size_t n)
{
	size_t size = 16;

	while (size < things->n + n)
		size *= 2;
	things->items = xrealloc(things->items, size * sizeof(*things->items));
}

struct host_thing *host_things_add(struct host_things *things, enum host_kind kind,
				   const char *name, const char *owner)
{
	struct host_thing *thing;

	reserve(things, 1);
	thing = &things->items[things->n++];
	*thing = (struct host_thing){ .kind = kind,
				      .name = xstrdup(name),
				      .owner = xstrdup_maybe(owner) };
	return thing;
}

void host_things_take(struct host_things *things, struct host_things *from)
{
	if (from->n) {
		reserve(things, from->n);
		memcpy(things->items + things->n, from->items, from->n * sizeof(*from->items));
		things->n += from->n;
	}
	free(from->items);
	*from = (struct host_things){ 0 };
}

void host_thing_fini(struct host_thing *thing)
{
	free(thing->name);
	free(thing->owner);
	free(thing->id);
	free(thing->why);
	*thing = (struct host_thing){ 0 };
}

void host_things_fini(struct host_things *things)
{
	for (size_t i = 0; i < things->n; i++)
		host_thing_fini(&things->items[i]);
	free(things->items);
	*things = (struct host_things){ 0 };
}

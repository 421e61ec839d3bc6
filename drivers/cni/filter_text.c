/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/filter_text.h"

#include <arpa/inet.h>
#include <errno.h>

#include "core/base/buf.h"
#include "drivers/cni/conflist.h"
#include "drivers/cni/subnet.h"

/* One entry of a set or map: of two with the same key the data may differ. */
struct element {
	char *key, *data; /* data: NULL in sets */
};

struct elements {
	struct element *items; /* by key, each once */
	size_t n;
};

enum set { SET_BRIDGES, SET_INSIDE, SET_RANGES, SET_PORTS, SET_PORTS_AT, SET_COUNT };

static const struct {
	const char *name, *declaration;
} sets[SET_COUNT] = {
	[SET_BRIDGES] = { "bridges", "set bridges { type ifname;" },
	[SET_INSIDE] = { "inside", "set inside { type ifname . ifname;" },
	[SET_RANGES] = { "ranges", "set ranges { type ifname . ipv4_addr; flags interval;" },
	[SET_PORTS] = { "ports",
			"map ports { type inet_proto . inet_service : ipv4_addr . inet_service;" },
	[SET_PORTS_AT] = { "ports_at",
			   "map ports_at { type ipv4_addr . inet_proto . inet_service : "
			   "ipv4_addr . inet_service;" },
};

/*
 * guard: the bridges take packets for 127.0.0.0/8, or no answer to a connection of the host to its
 * own 127.0.0.1:port would come back; those that are no answers are dropped before anything looks
 * at them. forward:
 * with bridge-nf-call-iptables, packets within a bridge come by here too, which "inside" lets pass.
 * The drop between bridges comes before everything that depends on connections, so that none that
 * began before its time lives on. post: a cell that reaches a port of its own space through the
 * host gets its answer through the host too, or would not know it.
 */
static const char rules[] =
	"	chain guard {\n"
	"		type filter hook prerouting priority raw;\n"
	"		iifname @bridges ip daddr 127.0.0.0/8 drop\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter;\n"
	"		iifname . oifname @inside accept\n"
	"		iifname != @bridges oifname != @bridges accept\n"
	"		iifname @bridges oifname @bridges drop\n"
	"		iifname @bridges accept\n"
	"		ct status dnat accept\n"
	"		ct direction reply ct state established,related accept\n"
	"		drop\n"
	"	}\n"
	"	chain arriving {\n"
	"		type nat hook prerouting priority dstnat;\n"
	"		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at\n"
	"		fib daddr type local dnat ip to meta l4proto . th dport map @ports\n"
	"	}\n"
	"	chain leaving {\n"
	"		type nat hook output priority -100;\n"
	"		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at\n"
	"		fib daddr type local dnat ip to meta l4proto . th dport map @ports\n"
	"	}\n"
	"	chain post {\n"
	"		type nat hook postrouting priority srcnat;\n"
	"		iifname @bridges oifname != @bridges masquerade\n"
	"		oifname @bridges ip saddr 127.0.0.0/8 masquerade\n"
	"		ct status dnat oifname . ip saddr @ranges masquerade\n"
	"	}\n";

/* ---- elements ---- */

static void elements_fini(struct elements *elements)
{
	for (size_t i = 0; i < elements->n; i++) {
		free(elements->items[i].key);
		free(elements->items[i].data);
	}
	free(elements->items);
	*elements = (struct elements){ 0 };
}

/* Takes both strings. */
static void elements_add(struct elements *elements, char *key, char *data)
{
	elements->items = xrealloc(elements->items, (elements->n + 1) * sizeof(*elements->items));
	elements->items[elements->n++] = (struct element){ key, data };
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct element *)a)->key, ((const struct element *)b)->key);
}

/* Sorted; of several with the same key the first stays. */
static void elements_settle(struct elements *elements)
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

static void add_port(struct elements tables[SET_COUNT], const struct filter_port *port)
{
	const char *protocol = port->udp ? "udp" : "tcp";
	char *data = xasprintf("%s . %u", port->ip, port->port);

	if (port->host_ip)
		elements_add(&tables[SET_PORTS_AT],
			     xasprintf("%s . %s . %u", port->host_ip, protocol, port->host_port),
			     data);
	else
		elements_add(&tables[SET_PORTS], xasprintf("%s . %u", protocol, port->host_port),
			     data);
}

static void elements_of(const struct filter_wish *wish, struct elements tables[SET_COUNT])
{
	for (size_t i = 0; i < wish->n_spaces; i++) {
		const char *bridge = wish->spaces[i].bridge;

		if (wish->spaces[i].problem)
			continue;
		elements_add(&tables[SET_BRIDGES], xasprintf("\"%s\"", bridge), NULL);
		elements_add(&tables[SET_INSIDE], xasprintf("\"%s\" . \"%s\"", bridge, bridge),
			     NULL);
		elements_add(&tables[SET_RANGES],
			     xasprintf("\"%s\" . %s", bridge, wish->spaces[i].subnet), NULL);
	}
	for (size_t i = 0; i < wish->n_ports; i++)
		if (!wish->ports[i].taken)
			add_port(tables, &wish->ports[i]);
	for (int set = 0; set < SET_COUNT; set++)
		elements_settle(&tables[set]);
}

static void all_fini(struct elements tables[SET_COUNT])
{
	for (int set = 0; set < SET_COUNT; set++)
		elements_fini(&tables[set]);
}

static void print_element(const struct element *element, bool first, struct buf *out)
{
	buf_printf(out, "%s%s%s%s", first ? "" : ", ", element->key, element->data ? " : " : "",
		   element->data ? element->data : "");
}

/* ---- check ---- */

static bool is_address(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1;
}

/* Left out of the filter, so that no cell of it starts. */
static void refuse(struct filter_space *space, const char *why)
{
	free(space->problem);
	space->problem = xasprintf("space %s: its conflist %s (correct the conflist, or run kuke "
				   "init --force-regenerate-cni)",
				   space->key, why);
}

static void check_names(struct filter_space *space)
{
	struct subnet subnet;

	if (!conflist_is_link_name(space->bridge))
		refuse(space, "names a bridge that cannot be filtered; expected 1 to 15 letters, "
			      "digits, dots and dashes");
	else if (!subnet_parse(space->subnet, &subnet))
		refuse(space, "has a range that cannot be filtered; expected one such as "
			      "10.88.0.0/16");
}

static int by_bridge_and_key(const void *a, const void *b)
{
	const struct filter_space *x = *(const struct filter_space *const *)a;
	const struct filter_space *y = *(const struct filter_space *const *)b;
	int order = strcmp(x->bridge, y->bridge);

	return order ? order : strcmp(x->key, y->key);
}

static void check_range(struct filter_space *space, const struct filter_space *before)
{
	struct subnet a, b;

	if (space->problem || before->problem || strcmp(space->subnet, before->subnet) == 0 ||
	    !subnet_parse(space->subnet, &a) || !subnet_parse(before->subnet, &b) ||
	    !subnet_overlaps(&a, &b))
		return;
	AUTO_FREE char *why = xasprintf("has bridge %s and a range that overlaps that of space %s",
					space->bridge, before->key);
	refuse(space, why);
}

/* Spaces to which a hand in the conflists gave one bridge: the kernel takes no two ranges of it
 * that overlap. The first by key keeps its range. */
static void check_ranges(struct filter_wish *wish)
{
	AUTO_FREE struct filter_space **spaces = xcalloc(wish->n_spaces, sizeof(*spaces));

	for (size_t i = 0; i < wish->n_spaces; i++)
		spaces[i] = &wish->spaces[i];
	if (wish->n_spaces)
		qsort(spaces, wish->n_spaces, sizeof(struct filter_space *), by_bridge_and_key);
	for (size_t i = 1; i < wish->n_spaces; i++)
		for (size_t k = i; k-- && strcmp(spaces[k]->bridge, spaces[i]->bridge) == 0;)
			check_range(spaces[i], spaces[k]);
}

int filter_text_check(struct filter_wish *wish, struct error *err)
{
	for (size_t i = 0; i < wish->n_spaces; i++)
		check_names(&wish->spaces[i]);
	check_ranges(wish);
	for (size_t i = 0; i < wish->n_ports; i++)
		if (!is_address(wish->ports[i].ip) ||
		    (wish->ports[i].host_ip && !is_address(wish->ports[i].host_ip)))
			return error_set(err, -EINVAL, "port %u leads to or from no IPv4 address",
					 wish->ports[i].host_port);
	return 0;
}

/* ---- the whole ---- */

static void print_set(enum set set, const struct elements *elements, struct buf *out)
{
	buf_printf(out, "	%s", sets[set].declaration);
	if (elements->n)
		buf_add_str(out, " elements = { ");
	for (size_t i = 0; i < elements->n; i++)
		print_element(&elements->items[i], i == 0, out);
	buf_add_str(out, elements->n ? " }; }\n" : " }\n");
}

char *filter_text_whole(const char *name, const struct filter_wish *wish)
{
	AUTO_BUF struct buf out = { 0 };
	struct elements tables[SET_COUNT] = { 0 };

	buf_printf(&out, "add table inet %s\ndelete table inet %s\n", name, name);
	if (wish->n_spaces) {
		elements_of(wish, tables);
		buf_printf(&out, "table inet %s {\n", name);
		for (int set = 0; set < SET_COUNT; set++)
			print_set(set, &tables[set], &out);
		buf_add_str(&out, rules);
		buf_add_str(&out, "}\n");
		all_fini(tables);
	}
	return buf_take(&out);
}

/* ---- the difference ---- */

static bool has(const struct elements *elements, const struct element *element)
{
	const struct element *found = elements->n ? bsearch(element, elements->items, elements->n,
							    sizeof(*elements->items), by_key)
						  : NULL;

	return found && str_equal(found->data, element->data);
}

/* "<verb> element inet <name> <set> { ... }" with those of @of that @other has not. */
static void print_missing(const char *verb, const char *name, enum set set,
			  const struct elements *of, const struct elements *other, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < of->n; i++) {
		if (has(other, &of->items[i]))
			continue;
		if (first)
			buf_printf(out, "%s element inet %s %s { ", verb, name, sets[set].name);
		print_element(&of->items[i], first, out);
		first = false;
	}
	if (!first)
		buf_add_str(out, " }\n");
}

static bool same_space(const struct filter_space *a, const struct filter_space *b)
{
	return strcmp(a->bridge, b->bridge) == 0 && strcmp(a->subnet, b->subnet) == 0 &&
	       !a->problem == !b->problem;
}

/* Borrows from @space. */
static void add_space(struct filter_wish *wish, const struct filter_space *space)
{
	wish->spaces = xrealloc(wish->spaces, (wish->n_spaces + 1) * sizeof(*wish->spaces));
	wish->spaces[wish->n_spaces++] = *space;
}

/* Adds the spaces of @wish that share a bridge with one of @others, which only a hand in the
 * conflists can bring about: what one of them loses the other keeps. */
static void add_sharing(struct filter_wish *part, const struct filter_wish *wish,
			const struct filter_wish *others, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < wish->n_spaces; i++)
			if (strcmp(wish->spaces[i].bridge, others->spaces[k].bridge) == 0)
				add_space(part, &wish->spaces[i]);
}

/* Of the spaces, which stand by key, those that differ; one of hundreds is the usual case. The
 * parts borrow; only their lists of spaces are their own. */
static void leave_out_same(const struct filter_wish *from, const struct filter_wish *to,
			   struct filter_wish *ret_from, struct filter_wish *ret_to)
{
	size_t i = 0, k = 0, n_from, n_to;

	*ret_from = (struct filter_wish){ .ports = from->ports, .n_ports = from->n_ports };
	*ret_to = (struct filter_wish){ .ports = to->ports, .n_ports = to->n_ports };
	while (i < from->n_spaces || k < to->n_spaces) {
		int order = i == from->n_spaces ? 1
			    : k == to->n_spaces ? -1
						: strcmp(from->spaces[i].key, to->spaces[k].key);

		if (order == 0 && same_space(&from->spaces[i], &to->spaces[k])) {
			i++;
			k++;
			continue;
		}
		if (order <= 0)
			add_space(ret_from, &from->spaces[i++]);
		if (order >= 0)
			add_space(ret_to, &to->spaces[k++]);
	}
	n_from = ret_from->n_spaces;
	n_to = ret_to->n_spaces;
	add_sharing(ret_from, from, ret_from, n_from);
	add_sharing(ret_from, from, ret_to, n_to);
	add_sharing(ret_to, to, ret_from, n_from);
	add_sharing(ret_to, to, ret_to, n_to);
}

char *filter_text_change(const char *name, const struct filter_wish *from,
			 const struct filter_wish *to)
{
	struct elements old[SET_COUNT] = { 0 }, new[SET_COUNT] = { 0 };
	struct filter_wish old_part, new_part;
	AUTO_BUF struct buf out = { 0 };

	if (!from->n_spaces && !to->n_spaces)
		return xstrdup("");
	if (!from->n_spaces || !to->n_spaces)
		return filter_text_whole(name, to);
	leave_out_same(from, to, &old_part, &new_part);
	elements_of(&old_part, old);
	elements_of(&new_part, new);
	free(old_part.spaces);
	free(new_part.spaces);
	for (int set = 0; set < SET_COUNT; set++) {
		print_missing("delete", name, set, &old[set], &new[set], &out);
		print_missing("add", name, set, &new[set], &old[set], &out);
	}
	all_fini(old);
	all_fini(new);
	return buf_take(&out);
}

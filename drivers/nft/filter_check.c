/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/filter_check.h"

#include <errno.h>
#include <stdlib.h>

#include "core/model/names.h"
#include "drivers/netlink/subnet.h"

static bool is_address(const char *text, bool v4)
{
	struct ip ip;

	return ip_parse(text, &ip) && ip_is_v4(&ip) == v4;
}

static bool is_range(const char *text, bool v4)
{
	struct subnet subnet;

	return subnet_parse(text, &subnet) && subnet_is_v4(&subnet) == v4;
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
	if (!name_is_link(space->bridge))
		refuse(space, "names a bridge that cannot be filtered; expected 1 to 15 letters, "
			      "digits, dots and dashes");
	else if (!is_range(space->subnet, true) ||
		 (space->subnet6 && !is_range(space->subnet6, false)))
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

static bool overlap(const char *range, const char *before)
{
	struct subnet a, b;

	return range && before && strcmp(range, before) != 0 && subnet_parse(range, &a) &&
	       subnet_parse(before, &b) && subnet_overlaps(&a, &b);
}

static void check_range(struct filter_space *space, const struct filter_space *before)
{
	if (space->problem || before->problem)
		return;
	if (space->denies || before->denies) {
		AUTO_FREE char *shared = xasprintf("has bridge %s, which space %s has too, and one "
						   "of them has an egress policy",
						   space->bridge, before->key);
		refuse(space, shared);
		return;
	}
	if (!overlap(space->subnet, before->subnet) && !overlap(space->subnet6, before->subnet6))
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

static bool leads_somewhere(const struct filter_port *port)
{
	bool v4 = !filter_is_ip6(port->ip);

	return is_address(port->ip, v4) && (!port->host_ip || is_address(port->host_ip, v4));
}

int filter_check(struct filter_wish *wish, struct error *err)
{
	for (size_t i = 0; i < wish->n_spaces; i++)
		check_names(&wish->spaces[i]);
	check_ranges(wish);
	for (size_t i = 0; i < wish->n_ports; i++)
		if (!leads_somewhere(&wish->ports[i]))
			return error_set(err, -EINVAL,
					 "port %u leads to or from no address of one family",
					 wish->ports[i].host_port);
	return 0;
}

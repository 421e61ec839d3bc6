/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/spaces/space_choose.h"

#include <errno.h>

#include "core/model/clashes.h"
#include "core/model/names.h"
#include "drivers/conf/confdir.h"
#include "drivers/hostnet/hostnet.h"
#include "drivers/hostnet/neighbours.h"

/* What is around the space: the other conflists, and the ranges that are in use. */
struct surroundings {
	struct confdir conflists;
	struct taken_subnets taken;
};

static void surroundings_fini(struct surroundings *around)
{
	confdir_fini(&around->conflists);
	taken_subnets_fini(&around->taken);
}

static void add_conflist_ranges(struct surroundings *around, const struct confdir_file *file)
{
	AUTO_FREE char *owner =
		file->list.space_key ? xasprintf("space %s (%s)", file->list.space_key, file->path)
				     : xasprintf("network %s (%s)", file->list.name, file->path);
	struct subnet subnet;

	for (size_t i = 0; i < file->list.subnets.n; i++)
		if (subnet_parse(file->list.subnets.items[i], &subnet))
			taken_subnets_add(&around->taken, &subnet, owner);
}

/* Our own conflist, and the bridge that a lost one may have left, do not count against us. */
static int look_around(const struct space_job *job, struct surroundings *around, struct error *err)
{
	AUTO_FREE char *network = name_network(job->space_key);
	AUTO_FREE char *bridge = name_bridge(job->space_key, false);
	AUTO_FREE char *hashed = name_bridge(job->space_key, true);
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->dirs.n; i++)
		r = confdir_read(&around->conflists, job->dirs.items[i], err);
	for (size_t i = 0; r == 0 && i < around->conflists.n; i++) {
		const struct confdir_file *file = &around->conflists.items[i];

		if (str_equal(file->list.space_key, job->space_key))
			continue;
		add_conflist_ranges(around, file);
		if (str_equal(file->list.bridge, bridge))
			bridge[0] = '\0'; /* another's: its routes count */
		if (str_equal(file->list.name, network))
			r = error_set(err, -EEXIST,
				      "%s already has a network called %s%s%s: rename the space",
				      file->path, network, file->list.space_key ? " of space " : "",
				      file->list.space_key ? file->list.space_key : "");
	}
	if (r < 0)
		return r;
	return hostnet_add_taken((const char *const[]){ bridge, hashed, NULL }, &around->taken,
				 err);
}

/* "10.88.0.0/16 (the host's route 10.0.0.0/8 on wg0), ..." */
static char *places_in_words(const struct subnet_pools *pools, const struct surroundings *around)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < pools->n; i++) {
		const struct taken_subnet *other =
			taken_subnets_find(&around->taken, &pools->firsts[i]);
		char first[SUBNET_TEXT_BYTES];

		buf_printf(&text, "%s%s (%s)", i ? ", " : "",
			   subnet_format(&pools->firsts[i], first),
			   other ? other->owner : "it has not enough room");
	}
	return buf_take(&text);
}

static int choose_next(const struct subnet_pools *pools, const struct surroundings *around,
		       struct subnet *ret, struct error *err)
{
	AUTO_FREE char *places = NULL;

	for (size_t i = 0; i < pools->n; i++)
		if (subnet_next_free(&pools->firsts[i], &around->taken, ret))
			return 0;
	places = places_in_words(pools, around);
	return error_set(err, -EADDRNOTAVAIL,
			 "no range is free from %s on: give the space a subnet, or name other "
			 "places in subnetPool of /etc/kukeon/kukeond.yaml",
			 places);
}

static int choose_next6(const struct subnet *first, const struct surroundings *around,
			struct subnet *ret, struct error *err)
{
	char text[SUBNET_TEXT_BYTES];

	if (!first->prefix)
		return error_set(err, -EADDRNOTAVAIL,
				 "the host has no machine id to make its own IPv6 range from: give "
				 "the space a subnet6, set subnetPool6, or run "
				 "systemd-machine-id-setup and start kukeond again");
	if (subnet_next_free(first, &around->taken, ret))
		return 0;
	return error_set(err, -EADDRNOTAVAIL,
			 "no range is free from %s on: give the space a subnet6, or set "
			 "subnetPool6 in /etc/kukeon/kukeond.yaml",
			 subnet_format(first, text));
}

static int check_free(const char *wanted, const struct surroundings *around,
		      const struct subnet *subnet, struct error *err)
{
	const struct taken_subnet *other = taken_subnets_find(&around->taken, subnet);
	AUTO_FREE char *why = other ? clash_of_ranges(wanted, other->owner) : NULL;

	return why ? error_set(err, -EADDRINUSE, "%s", why) : 0;
}

/* Who asks for a range may have it also where another tool could take it some day. */
static int choose_subnet(const struct space_job *job, const char *wanted,
			 struct surroundings *around, struct subnet *ret, struct error *err)
{
	int r;

	if (str_empty(wanted)) {
		neighbours_add_taken(&around->taken);
		return choose_next(&job->pools, around, ret, err);
	}
	r = subnet_parse_for_space(wanted, ret, err);
	return r < 0 ? r : check_free(wanted, around, ret, err);
}

static int choose_subnet6(const struct space_job *job, const char *wanted,
			  const struct surroundings *around, struct subnet *ret, struct error *err)
{
	int r;

	if (str_empty(wanted))
		return choose_next6(&job->pool6_first, around, ret, err);
	r = subnet6_parse_for_space(wanted, ret, err);
	return r < 0 ? r : check_free(wanted, around, ret, err);
}

static bool bridge_in_conflists(const struct space_job *job, const struct confdir *conflists,
				const char *bridge)
{
	for (size_t i = 0; i < conflists->n; i++)
		if (str_equal(conflists->items[i].list.bridge, bridge) &&
		    !str_equal(conflists->items[i].list.space_key, job->space_key))
			return true;
	return false;
}

static int choose_bridge(const struct space_job *job, const struct surroundings *around,
			 const struct subnet *subnet, char **ret, struct error *err)
{
	for (int hashed = 0; hashed < 2; hashed++) {
		AUTO_FREE char *bridge = name_bridge(job->space_key, hashed);
		enum hostnet_link link;
		int r = hostnet_find_link(bridge, subnet, &link, err);

		if (r < 0)
			return r;
		if (link != HOSTNET_LINK_FOREIGN &&
		    !bridge_in_conflists(job, &around->conflists, bridge)) {
			*ret = take_ptr(bridge);
			return 0;
		}
		error_set(
			err, -EEXIST,
			"network link %s is in use by something else: remove it (ip link delete %s) "
			"or rename the space",
			bridge, bridge);
	}
	return -EEXIST;
}

int space_choose(const struct space_job *job, const char *wanted, const char *wanted6,
		 struct space_ranges *ret_ranges, char **ret_bridge, struct error *err)
{
	AUTO(surroundings_fini) struct surroundings around = { 0 };
	struct space_ranges ranges = { .dual = job->ipv6 };
	int r = look_around(job, &around, err);

	if (r == 0)
		r = choose_subnet(job, wanted, &around, &ranges.v4, err);
	if (r == 0 && ranges.dual)
		r = choose_subnet6(job, wanted6, &around, &ranges.v6, err);
	if (r == 0)
		r = choose_bridge(job, &around, &ranges.v4, ret_bridge, err);
	if (r == 0)
		*ret_ranges = ranges;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A space's conflist as it shall be: made, restored, moved to other ranges, written anew. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/hostnet/hostipv6.h"
#include "drivers/hostnet/hostnet.h"
#include "drivers/spaces/space.h"
#include "drivers/spaces/space_choose.h"

enum { SETTLE_TRIES = 3 };

static int write_conflist(const struct space_job *job, const struct space_ranges *ranges,
			  const char *bridge, struct conflist *ret_list, struct error *err)
{
	AUTO_FREE char *path = space_conflist_path(job->dir, job->space_key);
	char range[SUBNET_TEXT_BYTES], range6[SUBNET_TEXT_BYTES];
	int r = fs_make_dirs(job->dir, 0755, err);

	if (r < 0)
		return r;
	subnet_format(&ranges->v4, range);
	subnet_format(&ranges->v6, range6);
	AUTO_FREE char *text =
		conflist_make(&(struct conflist_options){ .space_key = job->space_key,
							  .bridge = bridge,
							  .subnet = range,
							  .subnet6 = ranges->dual ? range6 : NULL,
							  .data_dir = job->ipam_dir });
	r = fs_write_file_atomic(path, text, strlen(text), 0644, err);
	return r < 0 ? r : conflist_parse(text, strlen(text), ret_list, err);
}

/* @wanted, @wanted6: ranges; NULL: the next free ones. */
static int make_conflist(const struct space_job *job, const char *wanted, const char *wanted6,
			 struct conflist *ret_list, struct error *err)
{
	AUTO_FREE char *bridge = NULL;
	struct space_ranges ranges;
	int r = space_choose(job, wanted, wanted6, &ranges, &bridge, err);

	return r < 0 ? r : write_conflist(job, &ranges, bridge, ret_list, err);
}

/*
 * What stood there and was removed, damaged or changed by hand comes back to the letter: cells are
 * attached with it, or will be, and its range is promised. A file of somebody else's stays.
 */
static int restore_conflist(const struct space_job *job, const char *path,
			    struct conflist *ret_list, struct error *err)
{
	struct conflist known = { 0 };
	int r = conflist_parse(job->known, strlen(job->known), &known, err);

	if (r == 0)
		r = fs_make_dirs(job->dir, 0755, err);
	if (r == 0)
		r = fs_write_file_atomic(path, job->known, strlen(job->known), 0644, err);
	if (r < 0) {
		conflist_fini(&known);
		return r;
	}
	conflist_fini(ret_list);
	*ret_list = known;
	return 0;
}

static bool as_known(const struct space_job *job, const struct conflist *list)
{
	AUTO(conflist_fini) struct conflist known = { 0 };

	return !job->known || conflist_parse(job->known, strlen(job->known), &known, NULL) < 0 ||
	       conflist_equal(&known, list);
}

static bool subnet_as_wanted(const struct space_job *job, const struct conflist *list)
{
	return str_empty(job->wanted_subnet) ||
	       str_equal(conflist_subnet(list), job->wanted_subnet);
}

/* They are compared as ranges: of IPv6 one can be written in many ways. */
static bool subnet6_as_wanted(const struct space_job *job, const struct conflist *list)
{
	const char *now = conflist_subnet6(list);
	struct subnet has, wanted;

	if (!job->ipv6 || !now)
		return job->ipv6 == !!now;
	return str_empty(job->wanted_subnet6) ||
	       (subnet_parse(now, &has) && subnet_parse(job->wanted_subnet6, &wanted) &&
		has.prefix == wanted.prefix && ip_compare(&has.address, &wanted.address) == 0);
}

static bool has_bridge(const struct conflist *list)
{
	return list->bridge && name_is_link(list->bridge);
}

static bool has_range(const struct conflist *list)
{
	const char *now = conflist_subnet(list);
	struct subnet subnet;

	return now && subnet_parse(now, &subnet);
}

static const char *in_words(const char *subnet)
{
	return subnet ? subnet : "none";
}

static int refuse_move(const struct space_job *job, const struct conflist *list, struct error *err)
{
	bool v4 = !subnet_as_wanted(job, list);
	const char *wanted6 = !job->ipv6                       ? "none"
			      : str_empty(job->wanted_subnet6) ? "one"
							       : job->wanted_subnet6;

	return error_set(err, -EBUSY,
			 "%s is %s and cannot become %s while cells are attached: stop them first",
			 v4 ? "subnet" : "subnet6",
			 in_words(v4 ? conflist_subnet(list) : conflist_subnet6(list)),
			 v4 ? job->wanted_subnet : wanted6);
}

/* Other ranges for a space that has some: its bridge has the old addresses, so nobody may be
 * attached. What is not told to become another stays. */
static int move_subnet(const struct space_job *job, struct conflist *list, struct error *err)
{
	const char *subnet =
		subnet_as_wanted(job, list) ? conflist_subnet(list) : job->wanted_subnet;
	const char *subnet6 =
		subnet6_as_wanted(job, list) ? conflist_subnet6(list) : job->wanted_subnet6;
	struct conflist moved = { 0 };
	int r;

	if (job->attached)
		return refuse_move(job, list, err);
	r = list->bridge ? hostnet_remove_bridge(list->bridge, err) : 0;
	if (r == 0)
		r = space_remove_reservations(job, err);
	if (r == 0)
		r = make_conflist(job, subnet, subnet6, &moved, err);
	if (r < 0)
		return r;
	conflist_fini(list);
	*list = moved;
	return 0;
}

/* By today's rules, with the ranges that it has. What attached cells rely on, the bridge, stays. */
static int regenerate_conflist(const struct space_job *job, struct conflist *list,
			       struct error *err)
{
	const char *range = has_range(list) ? conflist_subnet(list) : job->wanted_subnet;
	const char *range6 = conflist_subnet6(list) ? conflist_subnet6(list) : job->wanted_subnet6;
	struct space_ranges ranges = { 0 };
	struct conflist fresh = { 0 };
	int r;

	if (job->attached && has_bridge(list) && range && subnet_parse(range, &ranges.v4)) {
		ranges.dual = conflist_subnet6(list) && subnet_parse(range6, &ranges.v6);
		r = write_conflist(job, &ranges, list->bridge, &fresh, err);
	} else {
		r = list->bridge ? hostnet_remove_bridge(list->bridge, err) : 0;
		if (r == 0)
			r = make_conflist(job, range, range6, &fresh, err);
	}
	if (r < 0)
		return r;
	conflist_fini(list);
	*list = fresh;
	return 0;
}

/* What nobody can isolate is no space: it is not taken over, so that it can be corrected. */
static int check_conflist(const char *path, const struct conflist *list, struct error *err)
{
	static const char remedy[] = "correct it, or run kuke init --force-regenerate-cni";

	if (!has_bridge(list))
		return error_set(err, -EINVAL,
				 "%s names no bridge, or one that no link can be called; expected "
				 "1 to %d letters, digits, dots and dashes: %s",
				 path, IF_NAMESIZE - 1, remedy);
	if (!has_range(list))
		return error_set(err, -EINVAL, "%s has no IPv4 range such as 10.88.0.0/16: %s",
				 path, remedy);
	return 0;
}

/* The conflist as it shall be, on disk and in @list. */
static int settle_conflist(const struct space_job *job, const char *path, struct conflist *list,
			   struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = space_read(job->dir, job->space_key, list, &text, err);

	if (job->known && (r == -ENOENT || r == -EBADMSG || (r == 0 && !as_known(job, list))))
		r = restore_conflist(job, path, list, err);
	else if (r == -ENOENT)
		r = make_conflist(job, job->wanted_subnet, job->wanted_subnet6, list, err);
	else if (r == -EBADMSG)
		r = -EEXIST;
	if (r == 0 && job->regenerate)
		r = regenerate_conflist(job, list, err);
	if (r == 0 && (!subnet_as_wanted(job, list) || !subnet6_as_wanted(job, list)))
		r = move_subnet(job, list, err);
	return r == 0 ? check_conflist(path, list, err) : r;
}

/* The text of what was settled. Another hand may have written there since: what it wrote is never
 * taken for known. */
static int read_settled(const char *path, const struct conflist *list, struct buf *ret_text,
			struct error *err)
{
	AUTO(conflist_fini) struct conflist now = { 0 };
	int r;

	buf_fini(ret_text);
	r = fs_read_file(AT_FDCWD, path, CONFLIST_MAX_BYTES, ret_text, err);
	if (r == 0 && (conflist_parse(ret_text->data, ret_text->len, &now, NULL) < 0 ||
		       !conflist_equal(&now, list)))
		r = error_set(err, -EAGAIN, "%s is being written by another hand", path);
	return r == -ENOENT ? error_set(err, -EAGAIN, "%s was removed meanwhile", path) : r;
}

static int settle(const struct space_job *job, const char *path, struct conflist *ret_list,
		  struct buf *ret_text, struct error *err)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < SETTLE_TRIES; i++) {
		conflist_fini(ret_list);
		*ret_list = (struct conflist){ 0 };
		r = settle_conflist(job, path, ret_list, err);
		if (r == 0)
			r = read_settled(path, ret_list, ret_text, err);
	}
	return r;
}

int space_ensure(const struct space_job *job, struct space_fact *ret_fact, char **ret_text,
		 struct error *err)
{
	AUTO_FREE char *path = space_conflist_path(job->dir, job->space_key);
	AUTO(conflist_fini) struct conflist list = { 0 };
	AUTO_BUF struct buf text = { 0 };
	int r = job->ipv6 ? hostipv6_check(err) : 0;

	if (r == 0)
		r = settle(job, path, &list, &text, err);
	if (r == 0 && job->ipv6)
		r = hostipv6_forward(err);
	if (r == 0 && job->bridge.name)
		r = hostlinks_mend_bridge(&job->bridge, err);
	if (r < 0)
		return error_wrap(err, r, "network of space %s", job->space_key);
	space_fact_fill(ret_fact, path, &list);
	*ret_text = buf_take(&text);
	return 0;
}

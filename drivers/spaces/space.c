/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/spaces/space.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>

#include "core/aside/paths.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/model/names.h"
#include "drivers/conf/confdir.h"
#include "drivers/hostnet/hostipv6.h"
#include "drivers/hostnet/hostnet.h"
#include "drivers/spaces/space_choose.h"

void space_job_fini(struct space_job *job)
{
	free(job->space_key);
	free(job->dir);
	strv_fini(&job->former);
	free(job->wanted_subnet);
	free(job->wanted_subnet6);
	free(job->known);
	bridge_wish_fini(&job->bridge);
	free(job->ipam_dir);
	strv_fini(&job->dirs);
	*job = (struct space_job){ 0 };
}

char *space_conflist_path(const char *dir, const char *space_key)
{
	AUTO_FREE char *name = name_network(space_key);

	return xasprintf("%s/%s.conflist", dir, name);
}

int space_read(const char *dir, const char *space_key, struct conflist *ret_list,
	       struct buf *ret_text, struct error *err)
{
	AUTO_FREE char *path = space_conflist_path(dir, space_key);
	AUTO(conflist_fini) struct conflist list = { 0 };
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, path, CONFLIST_MAX_BYTES, &text, err);

	if (r < 0)
		return r;
	r = conflist_parse(text.data, text.len, &list, err);
	if (r < 0)
		return error_wrap(err, -EBADMSG,
				  "%s stands in the way and cannot be read (repair or remove it)",
				  path);
	if (!list.space_key)
		return error_set(
			err, -EEXIST,
			"%s was not written by kukeon: rename the space, or move the file away",
			path);
	if (!str_equal(list.space_key, space_key))
		return error_set(
			err, -EEXIST,
			"%s belongs to space %s, whose network has the same name: rename one", path,
			list.space_key);
	*ret_list = list;
	list = (struct conflist){ 0 };
	*ret_text = text;
	text = (struct buf){ 0 };
	return 0;
}

void space_fact_fill(struct space_fact *fact, const char *path, const struct conflist *list)
{
	const char *subnet = conflist_subnet(list), *subnet6 = conflist_subnet6(list);

	*fact = (struct space_fact){ .space_key = xstrdup(list->space_key),
				     .conflist = xstrdup(path),
				     .bridge = xstrdup(list->bridge ? list->bridge : ""),
				     .subnet = xstrdup(subnet ? subnet : ""),
				     .subnet6 = xstrdup_maybe(subnet6) };
}

/* ---- remove, list ---- */

int space_remove_reservations(const struct space_job *job, struct error *err)
{
	AUTO_FREE char *network = name_network(job->space_key);
	AUTO_FREE char *dir = xasprintf("%s/%s", job->ipam_dir, network);

	return fs_remove_tree(AT_FDCWD, dir, err);
}

/* What stands there, else, when another hand removed or damaged it, what is known to have stood
 * there. */
static int read_or_recall(const struct space_job *job, struct conflist *ret_list, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = space_read(job->dir, job->space_key, ret_list, &text, err);

	if ((r == -ENOENT || r == -EBADMSG) && job->known)
		return conflist_parse(job->known, strlen(job->known), ret_list, err);
	return r;
}

/* The conflist goes last: while it stands, a crash in between is found again. */
int space_remove(const struct space_job *job, struct error *err)
{
	AUTO_FREE char *path = space_conflist_path(job->dir, job->space_key);
	AUTO(conflist_fini) struct conflist list = { 0 };
	int r = read_or_recall(job, &list, err);

	if (r == -ENOENT || r == -EEXIST || r == -EBADMSG)
		return 0; /* nothing there that is ours */
	if (r == 0 && list.bridge)
		r = hostnet_remove_bridge(list.bridge, err);
	if (r == 0)
		r = space_remove_reservations(job, err);
	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = error_set(err, -errno, "cannot remove %s: %m", path);
	return r < 0 ? error_wrap(err, r, "network of space %s", job->space_key) : 0;
}

static int leave_dir(const char *dir, const char *space_key, struct error *err)
{
	AUTO_FREE char *path = space_conflist_path(dir, space_key);
	AUTO(conflist_fini) struct conflist list = { 0 };
	AUTO_BUF struct buf text = { 0 };
	int r = space_read(dir, space_key, &list, &text, err);

	if (r == -ENOENT || r == -EEXIST || r == -EBADMSG || r == -ENOTDIR)
		return 0; /* nothing there that is ours */
	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = error_set(err, -errno, "cannot remove %s: %m", path);
	return r;
}

void space_leave_former(struct space_job *job)
{
	struct strv left = { 0 };
	struct error err;

	for (size_t i = 0; i < job->former.n; i++) {
		const char *dir = job->former.items[i];
		int r = paths_answer(&dir, 1, PATHS_READ, &err);

		if (r == 0)
			r = leave_dir(dir, job->space_key, &err);
		if (r == 0 || r == -ENOENT)
			continue;
		strv_add(&left, dir);
		log_debug("its former conflist stays key=%s: %s", job->space_key, err.msg);
	}
	strv_fini(&job->former);
	job->former = left;
}

/* Ours is what stands where we would have put it. */
static bool is_space_file(const struct confdir_file *file)
{
	AUTO_FREE char *network = file->list.space_key ? name_network(file->list.space_key) : NULL;
	AUTO_FREE char *end = network ? xasprintf("/%s.conflist", network) : NULL;

	return end && str_ends_with(file->path, end);
}

int space_list(const struct strv *dirs, struct space_fact **ret_items, size_t *ret_n,
	       struct error *err)
{
	AUTO(confdir_fini) struct confdir confdir = { 0 };
	struct space_fact *items;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < dirs->n; i++) {
		int failed = confdir_read(&confdir, dirs->items[i], r < 0 ? NULL : err);

		r = r < 0 ? r : failed;
	}
	items = xcalloc(confdir.n, sizeof(*items));
	for (size_t i = 0; i < confdir.n; i++)
		if (is_space_file(&confdir.items[i]))
			space_fact_fill(&items[n++], confdir.items[i].path, &confdir.items[i].list);
	*ret_items = items;
	*ret_n = n;
	return r;
}

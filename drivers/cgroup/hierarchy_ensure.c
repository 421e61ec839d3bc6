/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controllers go top-down: a cgroup has what its parent enabled in cgroup.subtree_control. Each is
 * written alone, because one write is all or nothing and a host may refuse one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "drivers/cgroup/hierarchy.h"
#include "drivers/cgroup/parse.h"

static int explain_refusal(int code, const char *path, const char *name, struct error *err)
{
	switch (-code) {
	case EBUSY:
		return error_set(
			err, code,
			"cgroup %s: cannot enable controller %s: processes live directly in this "
			"cgroup; move them into a cgroup below it or end them",
			path, name);
	case EOPNOTSUPP:
		return error_set(
			err, code,
			"cgroup %s: cannot enable controller %s: the cgroup or one above it is "
			"threaded; see its cgroup.type and remove the threaded cgroup",
			path, name);
	default:
		return error_set(err, code, "cgroup %s: cannot enable controller %s: %s", path,
				 name, strerror(-code));
	}
}

/* Enables what is offered, wanted and missing. The first refusal is returned after the others were
 * tried. */
static int enable_controllers(int fd, const char *path, bool all_controllers, struct error *err)
{
	AUTO_BUF struct buf offered_text = { 0 };
	AUTO_BUF struct buf enabled_text = { 0 };
	AUTO(strv_fini) struct strv offered = { 0 };
	AUTO(strv_fini) struct strv enabled = { 0 };
	int first = 0, r;

	r = hierarchy_read_file(fd, "cgroup.controllers", CGROUP_FILE_MAX_BYTES, &offered_text);
	if (r == 0)
		r = hierarchy_read_file(fd, "cgroup.subtree_control", CGROUP_FILE_MAX_BYTES,
					&enabled_text);
	if (r < 0)
		return error_set(err, r, "cgroup %s: cannot read its controllers: %s", path,
				 strerror(-r));
	cgroup_parse_controllers(offered_text.data, &offered);
	cgroup_parse_controllers(enabled_text.data, &enabled);
	for (size_t i = 0; i < offered.n; i++) {
		const char *name = offered.items[i];
		AUTO_FREE char *word = xasprintf("+%s", name);

		if (!all_controllers && !cgroup_wants_controller(name))
			continue;
		if (cgroup_has_controller(&enabled, name))
			continue;
		r = fs_write_existing(fd, "cgroup.subtree_control", word, NULL);
		if (r < 0 && r != -ENOENT && first == 0)
			first = explain_refusal(r, path, name, err);
	}
	return first;
}

static int make_child(int parent_fd, const char *name, const char *path, int *ret_fd,
		      struct error *err)
{
	int fd;

	if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST) {
		if (errno == EAGAIN)
			return error_set(
				err, -EAGAIN,
				"cannot create cgroup %s: the limit cgroup.max.descendants or "
				"cgroup.max.depth above it is reached",
				path);
		return error_set(err, -errno, "cannot create cgroup %s: %m", path);
	}
	fd = hierarchy_open_dir(parent_fd, name);
	if (fd < 0)
		return error_set(err, fd, "cannot open cgroup %s: %s", path, strerror(-fd));
	*ret_fd = fd;
	return 0;
}

static void read_offered(int fd, struct strv *ret_offered)
{
	AUTO_BUF struct buf text = { 0 };

	if (hierarchy_read_file(fd, "cgroup.controllers", CGROUP_FILE_MAX_BYTES, &text) == 0)
		cgroup_parse_controllers(text.data, ret_offered);
}

static void enable_above_ours(int fd, const char *path, bool all_controllers)
{
	struct error err = { 0 };

	if (enable_controllers(fd, path, all_controllers, &err) < 0)
		log_debug("left as it is: %s", err.msg);
}

/* Walks from the mount down to @path, one name at a time. @root_len: length of the part that is not
 * below our root. */
static int make_chain(const struct hierarchy *hierarchy, const char *path, size_t root_len,
		      bool all_controllers, struct strv *ret_offered, struct error *err)
{
	AUTO_CLOSE int fd = openat(hierarchy->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len = 0;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "cannot open the cgroup mount %s: %m",
				 hierarchy->mount);
	enable_above_ours(fd, hierarchy->mount, all_controllers);
	while (path[len]) {
		const char *start = path + len + (path[len] == '/');
		AUTO_FREE char *name = xstrndup(start, strcspn(start, "/"));
		AUTO_FREE char *so_far = NULL;
		int child = -1;

		len = (size_t)(start - path) + strlen(name);
		so_far = xasprintf("%s/%.*s", hierarchy->mount, (int)len, path);
		r = make_child(fd, name, so_far, &child, err);
		if (r < 0)
			return r;
		close(fd);
		fd = child;
		if (len < root_len) {
			enable_above_ours(fd, so_far, all_controllers);
			continue;
		}
		if (len == root_len)
			read_offered(fd, ret_offered);
		r = enable_controllers(fd, so_far, all_controllers, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int hierarchy_ensure(const struct hierarchy *hierarchy, const char *key, bool all_controllers,
		     struct cgroup_fact *ret_fact, struct strv *ret_offered, struct error *err)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };
	AUTO(strv_fini) struct strv offered = { 0 };
	AUTO_FREE char *path = NULL;
	int r = hierarchy_check_key(key, err);

	if (r < 0)
		return r;
	path = hierarchy_relative_path(hierarchy, key);
	r = make_chain(hierarchy, path, strlen(hierarchy->root) - 1, all_controllers, &offered,
		       err);
	if (r < 0)
		return r;
	r = hierarchy_inspect(hierarchy, key, &fact, err);
	if (r < 0)
		return r;
	if (!fact.exists)
		return error_set(err, -EAGAIN, "cgroup /%s was removed while it was made", path);
	*ret_fact = fact;
	*ret_offered = offered;
	fact = (struct cgroup_fact){ 0 };
	offered = (struct strv){ 0 };
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cgroup/hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/cgroup/parse.h"

/* More cgroups than any host of ours has; a bound for memory. */
enum { LIST_MAX = 100000 };

/* ---- paths ---- */

int hierarchy_check_key(const char *key, struct error *err)
{
	struct key_parts parts;

	if (!*key || (key_split(key, &parts) && parts.kind <= KIND_CELL))
		return 0;
	return error_set(
		err, -EINVAL,
		"cgroup \"%.320s\": expected the path of a realm, space, stack or cell such as "
		"\"default/default/default/web\"",
		key);
}

char *hierarchy_relative_path(const struct hierarchy *hierarchy, const char *key)
{
	return xasprintf("%s%s%s", hierarchy->root + 1, *key ? "/" : "", key);
}

char *hierarchy_path(const struct hierarchy *hierarchy, const char *key)
{
	return xasprintf("%s%s%s%s", hierarchy->mount, hierarchy->root, *key ? "/" : "", key);
}

/* A removed cgroup answers -ENODEV on files that were reached through its open directory. */
static int gone_is_enoent(int code)
{
	return code == -ENODEV ? -ENOENT : code;
}

int hierarchy_open_dir(int dirfd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? gone_is_enoent(-errno) : (int)fd;
}

int hierarchy_read_file(int dirfd, const char *file, size_t max_bytes, struct buf *ret)
{
	struct error err;

	return gone_is_enoent(fs_read_file(dirfd, file, max_bytes, ret, &err));
}

int hierarchy_read_controllers(int fd, const char *name, const char *file,
			       struct strv *ret_controllers, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = hierarchy_read_file(fd, file, CGROUP_FILE_MAX_BYTES, &text);

	if (r < 0)
		return error_set(err, r, "cgroup %s: cannot read %s: %s", name, file, strerror(-r));
	cgroup_parse_controllers(text.data, ret_controllers);
	return 0;
}

uint64_t hierarchy_count_oom_kills(const struct hierarchy *hierarchy, const char *path)
{
	AUTO_CLOSE int fd = hierarchy_open_dir(hierarchy->mount_fd, path + (*path == '/'));
	AUTO_BUF struct buf text = { 0 };

	if (fd < 0 || hierarchy_read_file(fd, "memory.events", CGROUP_FILE_MAX_BYTES, &text) < 0)
		return 0;
	return text.data ? cgroup_parse_counter(text.data, "oom_kill") : 0;
}

int hierarchy_for_each_child(int dirfd, int (*fn)(int dirfd, const char *name, void *ctx),
			     void *ctx)
{
	DIR *dir = fs_list_fd(dirfd);
	struct dirent *entry;
	int r = 0, more = 0;

	if (!dir)
		return gone_is_enoent(-errno);
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0) {
		if (entry->d_type == DT_DIR)
			r = fn(dirfd, entry->d_name, ctx);
	}
	closedir(dir);
	return r == 0 && more < 0 ? gone_is_enoent(more) : r;
}

/* ---- looking ---- */

/* Facts of an open cgroup. -ENOENT when it went meanwhile. */
static int read_fact(int fd, const char *key, struct cgroup_fact *ret_fact, struct error *err)
{
	AUTO_BUF struct buf events = { 0 };
	AUTO(strv_fini) struct strv offered = { 0 };
	AUTO(strv_fini) struct strv enabled = { 0 };
	bool populated;
	int r;

	r = hierarchy_read_file(fd, "cgroup.events", CGROUP_FILE_MAX_BYTES, &events);
	if (r < 0)
		return error_set(err, r, "cgroup %s: cannot read cgroup.events: %s", key,
				 strerror(-r));
	if (!cgroup_parse_populated(events.data, &populated))
		return error_set(err, -EPROTO,
				 "cgroup %s: cgroup.events does not say whether it is populated",
				 key);
	r = hierarchy_read_controllers(fd, key, "cgroup.controllers", &offered, err);
	if (r == 0)
		r = hierarchy_read_controllers(fd, key, "cgroup.subtree_control", &enabled, err);
	if (r < 0)
		return r;
	*ret_fact = (struct cgroup_fact){
		.key = xstrdup(key),
		.exists = true,
		.populated = populated,
		.incomplete = cgroup_lacks_controller(&offered, &enabled),
		.controllers = enabled,
	};
	enabled = (struct strv){ 0 };
	return 0;
}

int hierarchy_inspect(const struct hierarchy *hierarchy, const char *key,
		      struct cgroup_fact *ret_fact, struct error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	int r = hierarchy_check_key(key, err);

	if (r < 0)
		return r;
	path = hierarchy_relative_path(hierarchy, key);
	fd = hierarchy_open_dir(hierarchy->mount_fd, path);
	if (fd < 0 && fd != -ENOENT)
		return error_set(err, fd, "cannot open cgroup /%s: %s", path, strerror(-fd));
	r = fd < 0 ? fd : read_fact(fd, key, ret_fact, err);
	if (r != -ENOENT)
		return r;
	*ret_fact = (struct cgroup_fact){ .key = xstrdup(key) };
	return 0;
}

struct list_walk {
	struct cgroup_facts *facts;
	const char *parent; /* key, "" for the root of ours */
	struct error *err;
};

/* One that cannot be read does not hide the others. Gone meanwhile is no problem. */
static int note_problem(const struct list_walk *walk, int code, const char *key)
{
	if (code != -ENOENT && !walk->facts->problem.code)
		error_set(&walk->facts->problem, code, "cannot read cgroup %s: %s", key,
			  strerror(-code));
	return 0;
}

static int list_child(int dirfd, const char *name, void *ctx)
{
	struct list_walk *walk = ctx;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *key = NULL;
	struct list_walk below;
	struct cgroup_fact fact;
	int r;

	if (!name_is_valid(name))
		return 0;
	key = xasprintf("%s%s%s", walk->parent, *walk->parent ? "/" : "", name);
	fd = hierarchy_open_dir(dirfd, name);
	r = fd < 0 ? fd : read_fact(fd, key, &fact, walk->err);
	if (r < 0)
		return note_problem(walk, r, key);
	if (walk->facts->n == LIST_MAX) {
		cgroup_fact_fini(&fact);
		error_set(&walk->facts->problem, -E2BIG, "more than %d cgroups below ours",
			  LIST_MAX);
		return 0;
	}
	if ((walk->facts->n & (walk->facts->n - 1)) == 0)
		walk->facts->items =
			xrealloc(walk->facts->items,
				 (walk->facts->n ? 2 * walk->facts->n : 1) * sizeof(fact));
	walk->facts->items[walk->facts->n++] = fact;
	if (key_kind(key) == KIND_CELL)
		return 0;
	below = (struct list_walk){ walk->facts, key, walk->err };
	r = hierarchy_for_each_child(fd, list_child, &below);
	return r < 0 ? note_problem(walk, r, key) : 0;
}

int hierarchy_list(const struct hierarchy *hierarchy, struct cgroup_facts *ret_facts,
		   struct error *err)
{
	AUTO(cgroup_facts_fini) struct cgroup_facts facts = { 0 };
	AUTO_FREE char *path = hierarchy_relative_path(hierarchy, "");
	AUTO_CLOSE int fd = hierarchy_open_dir(hierarchy->mount_fd, path);
	struct list_walk walk = { &facts, "", err };
	int r = fd;

	if (fd >= 0) {
		error_set(err, 0, "%s", "");
		r = hierarchy_for_each_child(fd, list_child, &walk);
	}
	if (r < 0 && r != -ENOENT)
		return err && err->code == r ? r
					     : error_set(err, r, "cannot list cgroup /%s: %s", path,
							 strerror(-r));
	*ret_facts = facts;
	facts = (struct cgroup_facts){ 0 };
	return 0;
}

/* ---- removing ---- */

struct remove_walk {
	int depth;
	const char *path; /* for messages */
	struct error *err;
};

static int remove_dir(int dirfd, const char *name, void *ctx)
{
	struct remove_walk *walk = ctx;
	struct remove_walk below = { walk->depth + 1, walk->path, walk->err };
	AUTO_CLOSE int fd = -1;
	int r;

	if (walk->depth > TREE_DEPTH_MAX)
		return error_set(walk->err, -ELOOP,
				 "cannot remove cgroup %s: cgroups nested deeper than %d; remove "
				 "the innermost by hand",
				 walk->path, TREE_DEPTH_MAX);
	fd = hierarchy_open_dir(dirfd, name);
	if (fd < 0)
		return fd == -ENOENT
			       ? 0
			       : error_set(walk->err, fd, "cannot open cgroup \"%s\" in %s: %s",
					   name, walk->path, strerror(-fd));
	r = hierarchy_for_each_child(fd, remove_dir, &below);
	if (r < 0 && r != -ENOENT)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	r = -errno;
	if (r == -EBUSY)
		return error_set(
			walk->err, r,
			"cannot remove cgroup %s: a process or a new cgroup is in \"%s\"; it "
			"must be killed first",
			walk->path, name);
	return error_set(walk->err, r, "cannot remove cgroup \"%s\" in %s: %s", name, walk->path,
			 strerror(-r));
}

int hierarchy_remove_dir(const struct hierarchy *hierarchy, const char *path, struct error *err)
{
	return remove_dir(hierarchy->mount_fd, path, &(struct remove_walk){ 0, path, err });
}

int hierarchy_remove(const struct hierarchy *hierarchy, const char *key, struct error *err)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *full = NULL;
	int r = hierarchy_inspect(hierarchy, key, &fact, err);

	if (r < 0 || !fact.exists)
		return r;
	path = hierarchy_relative_path(hierarchy, key);
	full = hierarchy_path(hierarchy, key);
	/* Asked before the first rmdir, so that a living cell does not lose its empty cgroups. */
	if (fact.populated)
		return error_set(
			err, -EBUSY,
			"cannot remove cgroup %s: processes live in it; they must be killed "
			"first",
			full);
	return remove_dir(hierarchy->mount_fd, path, &(struct remove_walk){ 0, full, err });
}

/* ---- life ---- */

static int check_mount(int fd, const char *mount, struct error *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return error_set(err, -errno, "cannot tell what is mounted on %s: %m", mount);
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return 0;
	return error_set(err, -EMEDIUMTYPE,
			 "%s is not cgroup v2%s: boot with systemd.unified_cgroup_hierarchy=1, or "
			 "name a cgroup2 mount with --cgroup-mount",
			 mount, fs.f_type == TMPFS_MAGIC ? " but the v1 or hybrid layout" : "");
}

int hierarchy_init(struct hierarchy *hierarchy, const char *mount, const char *root,
		   struct error *err)
{
	AUTO_CLOSE int fd = -1;
	int r;

	if (!cgroup_root_is_valid(root))
		return error_set(err, -EINVAL,
				 "cgroup root \"%.256s\": expected a path below the mount such as "
				 "\"/kukeon\"",
				 root);
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(
			err, -errno,
			"cannot open the cgroup mount %s: %m; mount cgroup2 there, or name its "
			"place with --cgroup-mount",
			mount);
	r = check_mount(fd, mount, err);
	if (r < 0)
		return r;
	*hierarchy = (struct hierarchy){ .mount_fd = take_fd(&fd),
					 .mount = xstrdup(mount),
					 .root = xstrdup(root) };
	return 0;
}

void hierarchy_fini(struct hierarchy *hierarchy)
{
	if (!hierarchy->mount)
		return; /* zeroed: the descriptor 0 is not ours */
	close(hierarchy->mount_fd);
	free(hierarchy->mount);
	free(hierarchy->root);
	*hierarchy = (struct hierarchy){ .mount_fd = -1 };
}

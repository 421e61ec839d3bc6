/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory of the hierarchy. Realms, spaces, stacks and cells by their keys; what lies below a
 * cell is the cell's. A cgroup whose name no object can have is nobody's: hierarchy_list() passes
 * it over, so nothing else ever takes it away.
 */
#include <errno.h>

#include "core/model/names.h"
#include "drivers/cgroup/hierarchy.h"

struct walk {
	struct host_things *things;
	const char *path; /* "/kukeon/default", of the cgroup whose children these are */
	const char *key;  /* its key, "" for the root of ours */
	bool in_cell;     /* it is a cell's */
};

static int add_child(int dirfd, const char *name, void *ctx);

static int walk_below(int dirfd, const char *name, struct walk *below)
{
	AUTO_CLOSE int fd = hierarchy_open_dir(dirfd, name);
	int r = fd < 0 ? fd : hierarchy_for_each_child(fd, add_child, below);

	return r == -ENOENT ? 0 : r;
}

static int add_child(int dirfd, const char *name, void *ctx)
{
	const struct walk *walk = ctx;
	AUTO_FREE char *path = xasprintf("%s/%s", walk->path, name);
	AUTO_FREE char *key = NULL;
	struct walk below = { walk->things, path, NULL, false };

	if (walk->in_cell) {
		host_things_add(walk->things, HOST_CGROUP, path, walk->key);
		return 0;
	}
	if (!name_is_valid(name)) {
		host_things_add(walk->things, HOST_CGROUP, path, NULL)->why =
			xasprintf("no object can be named \"%.80s\"", name);
		return 0;
	}
	key = xasprintf("%s%s%s", walk->key, *walk->key ? "/" : "", name);
	host_things_add(walk->things, HOST_CGROUP, path, key);
	below.key = key;
	below.in_cell = key_kind(key) == KIND_CELL;
	return walk_below(dirfd, name, &below);
}

int hierarchy_inventory(const struct hierarchy *hierarchy, struct host_things *ret_things,
			struct error *err)
{
	struct walk walk = { ret_things, hierarchy->root, "", false };
	int r = walk_below(hierarchy->mount_fd, hierarchy->root + 1, &walk);

	return r < 0 ? error_set(err, r, "cannot list the cgroups below %s: %s", hierarchy->root,
				 strerror(-r))
		     : 0;
}

int hierarchy_discard(const struct hierarchy *hierarchy, const char *name, struct error *err)
{
	size_t root = strlen(hierarchy->root);
	const char *last = strrchr(name, '/');

	if (strncmp(name, hierarchy->root, root) != 0 || name[root] != '/' ||
	    name_is_valid(last + 1))
		return error_set(err, -EOPNOTSUPP, "cgroup %s cannot be taken away alone", name);
	return hierarchy_remove_dir(hierarchy, name + 1, err);
}

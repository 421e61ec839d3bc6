/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acts on the cgroup hierarchy. They block (shortly) and are called on worker threads; a struct
 * hierarchy never changes once it is open, so that any number of them may run at once.
 *
 * @key is the key of a realm, space, stack or cell, or "" for the root of ours; anything else is
 * -EINVAL before a path is built. Nothing is ever opened that is not a directory or file of the
 * same cgroup2 mount.
 */
#pragma once

#include "core/base/buf.h"
#include "core/driver/cgroup.h"
#include "core/driver/inventory.h"

struct hierarchy {
	int mount_fd;
	char *mount; /* "/sys/fs/cgroup", for messages and watches */
	char *root;  /* "/kukeon" */
};

/* -EMEDIUMTYPE when something other than cgroup2 is mounted there. */
int hierarchy_init(struct hierarchy *hierarchy, const char *mount, const char *root,
		   struct error *err);
void hierarchy_fini(struct hierarchy *hierarchy);

/* Whether @key is one that the acts take; the words of the refusal otherwise. */
int hierarchy_check_key(const char *key, struct error *err);

/* Full path of the cgroup of a checked key. Free with free(). */
char *hierarchy_path(const struct hierarchy *hierarchy, const char *key);

/*
 * Makes the cgroup and those above it, and enables controllers on each from the mount's root
 * downwards. What the kernel refuses above our root is left as it is: others own that.
 * @ret_offered: the controllers that our root has.
 */
int hierarchy_ensure(const struct hierarchy *hierarchy, const char *key, bool all_controllers,
		     struct cgroup_fact *ret_fact, struct strv *ret_offered, struct error *err);
int hierarchy_inspect(const struct hierarchy *hierarchy, const char *key,
		      struct cgroup_fact *ret_fact, struct error *err);
int hierarchy_list(const struct hierarchy *hierarchy, struct cgroup_facts *ret_facts,
		   struct error *err);
int hierarchy_remove(const struct hierarchy *hierarchy, const char *key, struct error *err);

/* rmdir of any cgroup, @path below the mount without a leading '/', deepest first. -EBUSY while
 * something lives in it. */
int hierarchy_remove_dir(const struct hierarchy *hierarchy, const char *path, struct error *err);

/* -EINVAL for the key "": nothing ever wants to kill everything. */
int hierarchy_kill(const struct hierarchy *hierarchy, const char *key, struct error *err);

/*
 * hierarchy_kill() for kernels without cgroup.kill: SIGKILL to each process, in a few passes.
 * -EAGAIN when some are left.
 */
int hierarchy_kill_each(const struct hierarchy *hierarchy, const char *key, struct error *err);

/* Processes that the kernel killed for want of memory in a cgroup below ours, @path from the mount
 * on. 0 also when the cgroup or the controller is not there. */
uint64_t hierarchy_count_oom_kills(const struct hierarchy *hierarchy, const char *path);

/* cgroup_inventory.c: every cgroup of ours down to those below a cell, and those in between that no
 * object can have. Only the latter are discarded. */
int hierarchy_inventory(const struct hierarchy *hierarchy, struct host_things *ret_things,
			struct error *err);
int hierarchy_discard(const struct hierarchy *hierarchy, const char *name, struct error *err);

/* ---- shared by the acts ---- */

/* Opens a cgroup directory; -ENOENT when it is not there (any more). Says nothing in words. */
int hierarchy_open_dir(int dirfd, const char *path);

/* cgroup.<file> as text; -ENOENT also for a cgroup that was removed while its directory was open.
 */
int hierarchy_read_file(int dirfd, const char *file, size_t max_bytes, struct buf *ret);

/* Adds the names in cgroup.controllers or cgroup.subtree_control; @name: the cgroup's, for @err. */
int hierarchy_read_controllers(int dirfd, const char *name, const char *file,
			       struct strv *ret_controllers, struct error *err);

/* Calls @fn for each child cgroup until one returns non-zero, and returns that. -errno when they
 * cannot be listed. */
int hierarchy_for_each_child(int dirfd, int (*fn)(int dirfd, const char *name, void *ctx),
			     void *ctx);

/* The cgroup's path below the mount without a leading '/', as openat() on mount_fd takes it. Free
 * with free(). */
char *hierarchy_relative_path(const struct hierarchy *hierarchy, const char *key);

/* Deeper than any runtime nests; a bound for recursion. */
enum { TREE_DEPTH_MAX = 64 };

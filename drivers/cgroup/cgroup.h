/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup driver: realms, spaces, stacks and cells as directories of the cgroup v2 hierarchy.
 *
 * Every act is a handful of system calls on kernel files and runs on the loop's pool; none of them
 * waits for a process, which is why they have no deadline of their own. Whether a cell is empty is
 * told by the kernel: one inotify watch on its cgroup.events.
 */
#pragma once

#include "core/driver/cgroup.h"

struct cgroup_options {
	const char *mount; /* where cgroup2 is mounted: "/sys/fs/cgroup" */
	const char *root;  /* cgroup below the mount under which all of ours live: "/kukeon" */
};

/*
 * Checks that the mount is cgroup v2. Creates nothing: ensure("") does. The strings are copied.
 * Ended by the close method; *ret_cgroup lives until its closed callback.
 */
int cgroup_open(struct cgroup_driver **ret_cgroup, struct loop *loop,
		const struct cgroup_options *options, struct error *err);

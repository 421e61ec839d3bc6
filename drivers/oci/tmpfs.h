/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modes of a container's filesystems in memory. runc before 1.1.8 gives a tmpfs the mode of the
 * directory that it covers, whatever its options say: of the image's, or from the second start on
 * of the one that runc itself made. So what the spec says is set once more, between the creation of
 * the task and its start, when nothing of the container runs yet.
 */
#pragma once

#include "core/driver/seam.h"

bool tmpfs_is_used(const Api__ContainerSpec *spec);

/* @pid is said to be that of a task that waits for its start; a process that is in no cgroup whose
 * path ends with @cgroup_leaf is another: -ESRCH. Blocks for ASIDE_LIMIT_MS at most, for a tmpfs
 * may lie in a volume that does not answer: -ASIDE_HANGS. */
int tmpfs_set_modes(uint32_t pid, const char *cgroup_leaf, const Api__ContainerSpec *spec,
		    struct error *err);

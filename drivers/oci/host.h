/* SPDX-License-Identifier: Apache-2.0 */
/* What a container may be given on this host: the bounds of our own process, and the devices. */
#pragma once

#include <sys/types.h>

#include "core/aside/paths.h"
#include "core/base/util.h"
#include "core/registry/platform.h"

struct host {
	uint64_t nofile_max;   /* hard limit of this process: without CAP_SYS_RESOURCE nothing above
				  it can be set */
	uint64_t capabilities; /* bounding set, bit n for capability n */
	int oom_score_adj;     /* of this process: without CAP_SYS_RESOURCE nothing below it can be
				  set */
	struct platform platform; /* as images name it */
};

void host_read(struct host *ret_host);

struct host_device {
	char *path;
	char type; /* 'c' or 'b' */
	unsigned major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct host_devices {
	struct host_device *items;
	size_t n;
};

/*
 * The device nodes below @dir ("/dev"), without the filesystems mounted in it that every container
 * has its own of (pts, shm, mqueue). Blocks a little: for a worker thread. What vanishes or cannot
 * be read meanwhile is left out.
 */
void host_devices_read(const char *dir, struct host_devices *ret_devices);

/* Adds the device that was found somewhere as it shall be at @target. -ENODEV: it is none. */
int host_device_add(struct host_devices *devices, const char *target, const struct path_fact *fact);
void host_devices_fini(struct host_devices *devices);

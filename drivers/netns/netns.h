/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces pinned as files. Everything here blocks for some milliseconds: worker threads
 * only. */
#pragma once

#include "core/base/error.h"

enum netns_pin {
	NETNS_NONE,
	NETNS_STALE, /* a plain file: the namespace is gone, or was never mounted there */
	NETNS_LIVE,
	NETNS_OWN, /* the namespace we live in: hands off */
};

enum netns_pin netns_inspect(const char *path);

/* Its number while it lives, 0 when there is none at @path. */
uint64_t netns_inode(const char *path);

/* A new namespace with lo up and without forwarding at @path; one that is there already is kept. */
int netns_create(const char *path, struct error *err);

/*
 * Pins the namespace in which a process of ours lives, in place of whatever else is at @path. By
 * pid alone nothing is believed: the process is held by a pidfd while it is looked at, it must be
 * in a cgroup below @cgroup_path, and its namespace must be @inode unless that is 0. -ESTALE: it is
 * not.
 */
int netns_pin_process(const char *path, uint32_t pid, const char *cgroup_path, uint64_t inode,
		      struct error *err);

/* The file that a namespace is to be pinned at, opened; its directory is made again when somebody
 * has taken it away. */
int netns_open_pin(const char *path, struct error *err);

/* The namespace of this thread forwards nothing from one of its interfaces to another. */
int netns_stop_forwarding(struct error *err);

/* Unmounts and unlinks. The namespace lives on while processes are in it. Gone already: 0. */
int netns_remove(const char *path, struct error *err);

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

/* A new namespace with lo up at @path; one that is there already is kept. */
int netns_create(const char *path, struct error *err);

/* Unmounts and unlinks. The namespace lives on while processes are in it. Gone already: 0. */
int netns_remove(const char *path, struct error *err);

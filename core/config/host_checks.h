/* SPDX-License-Identifier: Apache-2.0 */
/* What Kukeon needs of a host, and what to do where it is missing. Changes nothing. Blocks for some
 * milliseconds: in kukeond on a worker thread. */
#pragma once

#include "api/config.pb-c.h"
#include "api/kukeon.pb-c.h"
#include "core/base/error.h"

/* A zeroed struct is empty. */
struct host_checks {
	Api__HostCheck **items;
	size_t n;
};

void host_checks_fini(struct host_checks *checks);

/* Takes @message and @remedy; no remedy: NULL. */
void host_checks_add(struct host_checks *checks, const char *name, Api__HostCheck__Result result,
		     char *message, char *remedy);

/* Takes those of this name away. */
void host_checks_remove(struct host_checks *checks, const char *name);

/* Moves all of them behind those that are in a reply. */
void host_checks_take(struct host_checks *checks, Api__HostCheck ***items, size_t *n);

/* Without these no cell can run: cgroup v2, runc, CNI plugins. The fourth, containerd, is asked by
 * whoever has a connection to it: */
void host_checks_make(const Api__Config *config, struct host_checks *checks);
void host_checks_add_containerd(struct host_checks *checks, const char *version);

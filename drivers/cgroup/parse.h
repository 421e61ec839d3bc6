/* SPDX-License-Identifier: Apache-2.0 */
/* The text of cgroup v2 interface files. Pure. */
#pragma once

#include <sys/types.h>

#include "core/base/str.h"

/* Longest file that is read; the kernel's are far shorter, except for cgroup.procs. */
enum {
	CGROUP_FILE_MAX_BYTES = 4096,
	CGROUP_CONTROLLERS_MAX = 64,
	CGROUP_CONTROLLER_MAX_BYTES = 31
};

/* Reads "populated" out of cgroup.events; false when the text does not say. */
bool cgroup_parse_populated(const char *text, bool *ret_populated);

/* The number behind @name in a file of counters (memory.events); 0 when it is not there. */
uint64_t cgroup_parse_counter(const char *text, const char *name);

/* Adds the names in cgroup.controllers or cgroup.subtree_control; what is no controller's name is
 * left out. */
void cgroup_parse_controllers(const char *text, struct strv *ret_controllers);

/* The pids in cgroup.procs, at most @max. 0, which stands for a process of another pid namespace,
 * is left out. */
size_t cgroup_parse_pids(const char *text, pid_t *ret_pids, size_t max);

bool cgroup_has_controller(const struct strv *controllers, const char *name);

/* What cells can be limited by (SPEC 3, resources): enabled on every cgroup of ours that is offered
 * it.
 */
bool cgroup_wants_controller(const char *name);

/* Whether something is offered and wanted, but not enabled. */
bool cgroup_lacks_controller(const struct strv *offered, const struct strv *enabled);

/* Whether @root can be the root of ours: "/kukeon", "/a/b"; no empty name, no "." or "..", not "/"
 * itself. */
bool cgroup_root_is_valid(const char *root);

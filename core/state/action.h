/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to the host for an object. */
#pragma once

#include "core/state/reason.h"

enum action {
	ACTION_NONE,
	ACTION_NAMESPACE_ENSURE,
	ACTION_NAMESPACE_REMOVE,
	ACTION_SPACE_ENSURE,
	ACTION_SPACE_REMOVE,
	ACTION_CGROUP_INSPECT,
	ACTION_CGROUP_ENSURE,
	ACTION_CGROUP_KILL,
	ACTION_CGROUP_REMOVE,
	ACTION_NETNS_CREATE,
	ACTION_NETWORK_ATTACH,
	ACTION_NETWORK_REPAIR, /* of a cell that runs */
	ACTION_NETWORK_DETACH,
	ACTION_NETWORK_JOIN, /* a further space */
	ACTION_NETWORK_LEAVE,
	ACTION_CONTAINER_INSPECT,
	ACTION_IMAGE_RESOLVE,
	ACTION_CONTAINER_CREATE,
	ACTION_CONTAINER_REMOVE,
	ACTION_TASK_CREATE,
	ACTION_TASK_START,
	ACTION_TASK_STOP, /* the stop signal */
	ACTION_TASK_KILL, /* SIGKILL */
	ACTION_TASK_DELETE,
	ACTION_SHIM_KILL, /* it answers nobody, and nothing it serves lives */
	ACTION_COUNT,
};

/* "task-start" */
const char *action_name(enum action action);

/* What it means for the object when the action fails. */
enum reason action_failure_reason(enum action action, int code);

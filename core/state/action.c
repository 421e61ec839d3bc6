/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/action.h"

#include <errno.h>

#include "core/aside/aside.h"
#include "core/base/util.h"

static const struct {
	const char *name;
	enum reason failure;
} actions[ACTION_COUNT] = {
	[ACTION_NONE] = { "none", REASON_NONE },
	[ACTION_NAMESPACE_ENSURE] = { "namespace-ensure", REASON_NAMESPACE_FAILED },
	[ACTION_NAMESPACE_REMOVE] = { "namespace-remove", REASON_DELETE_FAILED },
	[ACTION_SPACE_ENSURE] = { "space-ensure", REASON_NETWORK_FAILED },
	[ACTION_SPACE_REMOVE] = { "space-remove", REASON_DELETE_FAILED },
	[ACTION_CGROUP_INSPECT] = { "cgroup-inspect", REASON_CGROUP_FAILED },
	[ACTION_CGROUP_ENSURE] = { "cgroup-ensure", REASON_CGROUP_FAILED },
	[ACTION_CGROUP_KILL] = { "cgroup-kill", REASON_DELETE_FAILED },
	[ACTION_CGROUP_REMOVE] = { "cgroup-remove", REASON_DELETE_FAILED },
	[ACTION_NETNS_CREATE] = { "netns-create", REASON_NETWORK_FAILED },
	[ACTION_NETWORK_ATTACH] = { "network-attach", REASON_NETWORK_FAILED },
	[ACTION_NETWORK_REPAIR] = { "network-repair", REASON_NETWORK_FAILED },
	[ACTION_NETWORK_DETACH] = { "network-detach", REASON_NETWORK_FAILED },
	[ACTION_NETWORK_JOIN] = { "network-join", REASON_NETWORK_FAILED },
	[ACTION_NETWORK_LEAVE] = { "network-leave", REASON_NETWORK_FAILED },
	[ACTION_CONTAINER_INSPECT] = { "container-inspect", REASON_RUNTIME_UNAVAILABLE },
	[ACTION_IMAGE_RESOLVE] = { "image-resolve", REASON_IMAGE_FAILED },
	[ACTION_CONTAINER_CREATE] = { "container-create", REASON_CREATE_FAILED },
	[ACTION_CONTAINER_REMOVE] = { "container-remove", REASON_DELETE_FAILED },
	[ACTION_TASK_CREATE] = { "task-create", REASON_START_FAILED },
	[ACTION_TASK_START] = { "task-start", REASON_START_FAILED },
	[ACTION_TASK_STOP] = { "task-stop", REASON_STOP_FAILED },
	[ACTION_TASK_KILL] = { "task-kill", REASON_STOP_FAILED },
	[ACTION_TASK_DELETE] = { "task-delete", REASON_STOP_FAILED },
	[ACTION_SHIM_KILL] = { "shim-kill", REASON_STOP_FAILED },
};

const char *action_name(enum action action)
{
	check(action < ACTION_COUNT && actions[action].name);
	return actions[action].name;
}

enum reason action_failure_reason(enum action action, int code)
{
	check(action < ACTION_COUNT);
	if (action == ACTION_IMAGE_RESOLVE && code == -ENOENT)
		return REASON_IMAGE_NOT_PRESENT;
	if (code == -ASIDE_HANGS &&
	    (action == ACTION_CONTAINER_CREATE || action == ACTION_TASK_CREATE))
		return REASON_VOLUME_HANGS;
	return actions[action].failure;
}

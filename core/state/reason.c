/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/reason.h"

#include "core/base/str.h"

static const char *const names[REASON_COUNT] = {
	[REASON_NONE] = "",
	[REASON_STARTING] = "Starting",
	[REASON_PARENT_NOT_READY] = "ParentNotReady",
	[REASON_WAITING_ITS_TURN] = "WaitingItsTurn",
	[REASON_CREATING] = "Creating",
	[REASON_UPDATING] = "Updating",
	[REASON_RESTARTING] = "Restarting",
	[REASON_NO_CONTAINERS] = "NoContainers",
	[REASON_RESTART_BACK_OFF] = "RestartBackOff",
	[REASON_STOPPING] = "Stopping",
	[REASON_DELETING] = "Deleting",
	[REASON_PULLING_IMAGE] = "PullingImage",
	[REASON_IMAGE_NOT_PRESENT] = "ImageNotPresent",
	[REASON_IMAGE_NOT_FOUND] = "ImageNotFound",
	[REASON_UNAUTHORIZED] = "Unauthorized",
	[REASON_REGISTRY_UNREACHABLE] = "RegistryUnreachable",
	[REASON_TOO_MANY_REQUESTS] = "TooManyRequests",
	[REASON_IMAGE_FAILED] = "ImageFailed",
	[REASON_CGROUP_FAILED] = "CgroupFailed",
	[REASON_NAMESPACE_FAILED] = "NamespaceFailed",
	[REASON_NETWORK_FAILED] = "NetworkFailed",
	[REASON_FILTER_FAILED] = "FilterFailed",
	[REASON_FILTER_MISSING] = "FilterMissing",
	[REASON_SPEC_REFUSED] = "SpecRefused",
	[REASON_RANGE_OVERLAPS] = "RangeOverlaps",
	[REASON_TRAFFIC_BLOCKED] = "TrafficBlocked",
	[REASON_HOST_SHUT] = "HostShut",
	[REASON_ADDRESSES_LOW] = "AddressesLow",
	[REASON_ADDRESSES_EXHAUSTED] = "AddressesExhausted",
	[REASON_HOST_NOT_FOUND] = "HostNotFound",
	[REASON_HOST_STALE] = "HostStale",
	[REASON_CREATE_FAILED] = "CreateFailed",
	[REASON_VOLUME_HANGS] = "VolumeHangs",
	[REASON_START_FAILED] = "StartFailed",
	[REASON_STOP_FAILED] = "StopFailed",
	[REASON_DELETE_FAILED] = "DeleteFailed",
	[REASON_RUNTIME_UNAVAILABLE] = "RuntimeUnavailable",
	[REASON_LOOK_FAILED] = "LookFailed",
	[REASON_STORE_DAMAGED] = "StoreDamaged",
	[REASON_STORE_UNREADABLE] = "StoreUnreadable",
	[REASON_NETWORK_DRIFTED] = "NetworkDrifted",
	[REASON_SPACE_UNKNOWN] = "SpaceUnknown",
	[REASON_SPACE_NOT_READY] = "SpaceNotReady",
	[REASON_PORT_CONFLICT] = "PortConflict",
	[REASON_NAME_CONFLICT] = "NameConflict",
	[REASON_IMAGE_HELD_BACK] = "ImageHeldBack",
	[REASON_COMPLETED] = "Completed",
	[REASON_STOP_REQUESTED] = "StopRequested",
	[REASON_EXITED] = "Exited",
	[REASON_OOM_KILLED] = "OOMKilled",
	[REASON_GAVE_UP] = "GaveUp",
};

const char *reason_name(enum reason reason)
{
	check(reason < REASON_COUNT && names[reason]);
	return names[reason];
}

enum reason reason_parse(const char *name)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (str_equal(name, names[reason]))
			return (enum reason)reason;
	return REASON_NONE;
}

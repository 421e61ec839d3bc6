/* SPDX-License-Identifier: Apache-2.0 */
/* Why an object is in its state: short codes, from one table, so that log, status and tests agree.
 * Pure. */
#pragma once

#include "core/base/util.h"

enum reason {
	REASON_NONE,
	/* not there yet, and work is under way */
	REASON_STARTING,
	REASON_PARENT_NOT_READY,
	REASON_CREATING,
	REASON_UPDATING,
	REASON_RESTARTING,
	REASON_NO_CONTAINERS,
	REASON_RESTART_BACK_OFF,
	REASON_STOPPING,
	REASON_DELETING,
	/* something is in the way */
	REASON_IMAGE_NOT_PRESENT,
	REASON_IMAGE_FAILED,
	REASON_CGROUP_FAILED,
	REASON_NAMESPACE_FAILED,
	REASON_NETWORK_FAILED,
	REASON_CREATE_FAILED,
	REASON_START_FAILED,
	REASON_STOP_FAILED,
	REASON_DELETE_FAILED,
	REASON_RUNTIME_UNAVAILABLE,
	REASON_STORE_DAMAGED,
	REASON_NETWORK_UNKNOWN, /* it runs, but how it was attached is not on record */
	/* over */
	REASON_COMPLETED,
	REASON_STOP_REQUESTED,
	REASON_EXITED,
	REASON_GAVE_UP,
	REASON_COUNT,
};

/* "ImageNotPresent"; "" for REASON_NONE. */
const char *reason_name(enum reason reason);

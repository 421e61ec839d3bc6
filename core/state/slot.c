/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/object.h"

#include <errno.h>

#include "core/base/backoff.h"

/* Pauses between tries double from the first to the last. */
enum {
	TRANSIENT_FIRST_MS = 100,      /* after a failure that passes by itself */
	TRANSIENT_LAST_MS = 5000,      /* the longest pause after such ones */
	PERMANENT_FIRST_MS = 1000,     /* after one that somebody has to mend */
	PERMANENT_LAST_MS = 60 * 1000, /* the longest pause after such ones */
};

static uint64_t retry_pause_ms(unsigned failures, int code)
{
	static const struct backoff transient = { TRANSIENT_FIRST_MS, TRANSIENT_LAST_MS },
				    permanent = { PERMANENT_FIRST_MS, PERMANENT_LAST_MS };

	return backoff_ms(error_is_transient(code) ? &transient : &permanent, failures - 1);
}

/* What was taken down before it was made again does not count any more. The other way round it
 * does: what cannot be made is taken down and tried again, after ever longer pauses. */
static bool supersedes(enum action action, enum action failed)
{
	switch (action) {
	case ACTION_TASK_START:
		return true;
	case ACTION_CONTAINER_CREATE:
		return failed == ACTION_CONTAINER_REMOVE;
	case ACTION_NETNS_CREATE:
	case ACTION_NETWORK_ATTACH:
		return failed == ACTION_NETWORK_DETACH;
	case ACTION_NETWORK_JOIN:
		return failed == ACTION_NETWORK_LEAVE;
	case ACTION_CGROUP_ENSURE:
		return failed == ACTION_CGROUP_KILL || failed == ACTION_CGROUP_REMOVE;
	case ACTION_NAMESPACE_ENSURE:
		return failed == ACTION_NAMESPACE_REMOVE;
	case ACTION_SPACE_ENSURE:
		return failed == ACTION_SPACE_REMOVE;
	default:
		return false;
	}
}

void slot_succeeded(struct slot *slot, enum action action)
{
	if (slot->failed_action == action || supersedes(action, slot->failed_action))
		slot_retry_now(slot);
}

void slot_failed(struct slot *slot, enum action action, const struct error *err, uint64_t now_ms)
{
	slot->failures = slot->failed_action == action ? slot->failures + 1 : 1;
	slot->failed_action = action;
	slot->failure_code = err->code;
	slot->retry_at_ms = now_ms + retry_pause_ms(slot->failures, err->code);
	free(slot->failure);
	slot->failure = xstrdup(err->msg);
}

void slot_retry_now(struct slot *slot)
{
	free(slot->failure);
	slot->failure = NULL;
	slot->failures = 0;
	slot->failed_action = ACTION_NONE;
}

void slot_fini(struct slot *slot)
{
	free(slot->failure);
	*slot = (struct slot){ 0 };
}

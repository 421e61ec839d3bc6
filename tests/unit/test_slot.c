/* SPDX-License-Identifier: Apache-2.0 */
/* What a slot remembers of a failure: when it is tried again, and what ends it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/state/object.h"

enum { NOW_MS = 5000 };

static void fails(struct slot *slot, enum action action, int code)
{
	struct error err;

	error_set(&err, code, "it failed");
	slot_failed(slot, action, &err, NOW_MS);
}

static void test_pauses(void **state UNUSED)
{
	static const uint64_t transient_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	static const uint64_t permanent_ms[] = {
		1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000
	};
	struct slot soon = { 0 }, late = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(transient_ms); i++) {
		fails(&soon, ACTION_TASK_CREATE, -EAGAIN);
		fails(&late, ACTION_TASK_CREATE, -EINVAL);
		assert_int_equal(soon.retry_at_ms, NOW_MS + transient_ms[i]);
		assert_int_equal(late.retry_at_ms, NOW_MS + permanent_ms[i]);
		assert_int_equal(late.failures, i + 1);
	}
	assert_int_equal(late.failure_code, -EINVAL);
	assert_string_equal(late.failure, "it failed");
	fails(&late, ACTION_TASK_START, -EINVAL); /* another action counts from one */
	assert_int_equal(late.failures, 1);
	assert_int_equal(late.failed_action, ACTION_TASK_START);
	assert_int_equal(late.retry_at_ms, NOW_MS + 1000);
	slot_fini(&soon);
	slot_fini(&late);
}

/* What went well, what had failed, and whether that is forgiven. */
static const struct {
	enum action done, failed;
	bool forgiven;
} rows[] = {
	{ ACTION_TASK_CREATE, ACTION_TASK_CREATE, true },
	{ ACTION_TASK_STOP, ACTION_TASK_CREATE, false },
	{ ACTION_TASK_START, ACTION_TASK_CREATE, true }, /* it runs: whatever was the matter */
	{ ACTION_TASK_START, ACTION_IMAGE_RESOLVE, true },
	{ ACTION_TASK_START, ACTION_CONTAINER_INSPECT, true },
	{ ACTION_CONTAINER_CREATE, ACTION_CONTAINER_REMOVE, true },
	{ ACTION_CONTAINER_CREATE, ACTION_TASK_START, false },
	{ ACTION_CONTAINER_REMOVE, ACTION_CONTAINER_CREATE, false },
	{ ACTION_NETNS_CREATE, ACTION_NETWORK_DETACH, true },
	{ ACTION_NETNS_CREATE, ACTION_NETWORK_ATTACH, false },
	{ ACTION_NETWORK_ATTACH, ACTION_NETWORK_DETACH, true },
	{ ACTION_NETWORK_ATTACH, ACTION_NETNS_CREATE, false },
	{ ACTION_NETWORK_DETACH, ACTION_NETWORK_ATTACH, false },
	{ ACTION_NETWORK_JOIN, ACTION_NETWORK_LEAVE, true },
	{ ACTION_NETWORK_JOIN, ACTION_NETWORK_DETACH, false },
	{ ACTION_CGROUP_ENSURE, ACTION_CGROUP_KILL, true },
	{ ACTION_CGROUP_ENSURE, ACTION_CGROUP_REMOVE, true },
	{ ACTION_CGROUP_ENSURE, ACTION_CGROUP_INSPECT, false },
	{ ACTION_NAMESPACE_ENSURE, ACTION_NAMESPACE_REMOVE, true },
	{ ACTION_NAMESPACE_ENSURE, ACTION_SPACE_REMOVE, false },
	{ ACTION_SPACE_ENSURE, ACTION_SPACE_REMOVE, true },
	{ ACTION_SPACE_ENSURE, ACTION_NAMESPACE_REMOVE, false },
};

static void test_what_ends_a_failure(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slot slot = { 0 };

		fails(&slot, rows[i].failed, -EINVAL);
		slot_succeeded(&slot, rows[i].done);
		if ((slot.failures == 0) != rows[i].forgiven)
			fail_msg("row %zu: %s after %s", i, action_name(rows[i].done),
				 action_name(rows[i].failed));
		assert_int_equal(slot.failure != NULL, !rows[i].forgiven);
		assert_int_equal(slot.failed_action,
				 rows[i].forgiven ? ACTION_NONE : rows[i].failed);
		slot_fini(&slot);
		slot_fini(&slot); /* it is empty then */
		assert_true(!slot.busy && !slot.failure && !slot.failures);
	}
}

static void test_intents(void **state UNUSED)
{
	static const enum run_intent all[] = { INTENT_RUN, INTENT_STOP, INTENT_KILL,
					       INTENT_RESTART };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(intent_parse(intent_name(all[i])), all[i]);
	assert_string_equal(intent_name(INTENT_KILL), "kill");
	assert_int_equal(intent_parse("nothing that we know"), INTENT_RUN);
	assert_int_equal(intent_parse(NULL), INTENT_RUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_what_ends_a_failure),
		cmocka_unit_test(test_intents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/manifest/manifest.h"
#include "core/model/capability.h"
#include "core/model/model.h"
#include "core/model/target.h"

static ProtobufCMessage *parse(const char *yaml, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = NULL;
	struct error err;

	if (manifest_parse_stored("test", yaml, strlen(yaml), type, &message, &err) < 0)
		fail_msg("%s: %s", yaml, err.msg);
	return message;
}

static char *write_yaml(const ProtobufCMessage *message)
{
	struct buf yaml = { 0 };

	manifest_emit_yaml(message, &yaml);
	return buf_take(&yaml);
}

/* What the container has and the space's defaults make of it what is expected: the three are fields
 * of a container's spec. */
static const struct {
	const char *container, *defaults, *expected;
} rows[] = {
	{ "user: a", "", "user: a" },
	{ "", "user: b", "user: b" },
	{ "user: a", "user: b", "user: a" },
	{ "user: \"\"", "user: b", "user: b" },
	{ "user: a", "user: \"\"", "user: a" },
	{ "", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: true" },
	{ "readOnlyRootFilesystem: false", "readOnlyRootFilesystem: true",
	  "readOnlyRootFilesystem: false" },
	{ "stopGracePeriodSeconds: 0", "stopGracePeriodSeconds: 5", "stopGracePeriodSeconds: 0" },
	{ "restartPolicy: never",
	  "restartPolicy: always, restartBackoffSeconds: 1, restartMaxRetries: 2, "
	  "stopSignal: INT, stopGracePeriodSeconds: 5",
	  "restartPolicy: never, restartBackoffSeconds: 1, restartMaxRetries: 2, "
	  "stopSignal: INT, stopGracePeriodSeconds: 5" },
	{ "", "imagePullPolicy: Never", "imagePullPolicy: Never" },
	{ "imagePullPolicy: IfNotPresent", "imagePullPolicy: Always",
	  "imagePullPolicy: IfNotPresent" },
	{ "imagePullPolicy: \"\"", "imagePullPolicy: Always", "imagePullPolicy: Always" },
	{ "logMaxSize: 1m", "logDriver: none, logMaxSize: 2m, logMaxFiles: 5",
	  "logMaxSize: 1m, logDriver: none, logMaxFiles: 5" },
	{ "env: [B=own, C=3]", "env: [A=1, B=2, BB=4]", "env: [A=1, BB=4, B=own, C=3]" },
	{ "env: [A=1]", "", "env: [A=1]" },
	{ "volumes: [{source: /own, target: /b/}]",
	  "volumes: [{source: /s, target: /a}, {source: /s, target: //b}]",
	  "volumes: [{source: /s, target: /a}, {source: /own, target: /b/}]" },
	{ "volumes: [{source: /own, target: /b}], tmpfs: [{target: /a}]",
	  "volumes: [{source: /s, target: /a}], tmpfs: [{target: /b}, {target: /c, size: 1m}]",
	  "volumes: [{source: /own, target: /b}], tmpfs: [{target: /c, size: 1m}, {target: /a}]" },
	{ "", "capabilities: {drop: [ALL]}", "capabilities: {drop: [ALL]}" },
	{ "capabilities: {add: [NET_ADMIN]}", "capabilities: {drop: [ALL], add: [cap_net_admin]}",
	  "capabilities: {add: [NET_ADMIN], drop: [ALL]}" },
	{ "capabilities: {drop: [CAP_KILL]}", "capabilities: {add: [KILL, BPF]}",
	  "capabilities: {add: [BPF], drop: [CAP_KILL]}" },
	{ "capabilities: {drop: [all]}", "capabilities: {add: [KILL, BPF]}",
	  "capabilities: {drop: [all]}" },
	{ "privileged: true", "capabilities: {drop: [ALL]}", "privileged: true" },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *cell_yaml =
			xasprintf("spec: {containers: [{%s}, {id: z}]}", rows[i].container);
		AUTO_FREE char *expected_yaml = xasprintf("{%s}", rows[i].expected);
		AUTO_FREE char *space_yaml =
			xasprintf("spec: {defaults: {container: {%s}}}", rows[i].defaults);
		Api__Cell *cell = (Api__Cell *)parse(cell_yaml, &api__cell__descriptor);
		Api__Space *space = (Api__Space *)parse(space_yaml, &api__space__descriptor);
		ProtobufCMessage *expected = parse(expected_yaml, &api__container_spec__descriptor);

		model_apply_space_defaults(cell->spec, space->spec);
		AUTO_FREE char *actual_text = write_yaml(&cell->spec->containers[0]->base);
		AUTO_FREE char *expected_text = write_yaml(expected);

		assert_string_equal(actual_text, expected_text);
		protobuf_c_message_free_unpacked(&cell->base, NULL);
		protobuf_c_message_free_unpacked(&space->base, NULL);
		protobuf_c_message_free_unpacked(expected, NULL);
	}
}

static void test_no_defaults(void **state UNUSED)
{
	Api__Cell *cell =
		(Api__Cell *)parse("spec: {containers: [{id: a}]}", &api__cell__descriptor);
	Api__SpaceSpec space = API__SPACE_SPEC__INIT;
	Api__SpaceDefaults defaults = API__SPACE_DEFAULTS__INIT;

	model_apply_space_defaults(cell->spec, NULL);
	model_apply_space_defaults(cell->spec, &space);
	space.defaults = &defaults;
	model_apply_space_defaults(cell->spec, &space);
	AUTO_FREE char *text = write_yaml(&cell->spec->containers[0]->base);

	assert_string_equal(text, "id: a\n");
	protobuf_c_message_free_unpacked(&cell->base, NULL);
}

static void test_targets(void **state UNUSED)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "/a", "/a", true },      { "/a/", "/a", true },   { "//a/./b", "/a/b/.", true },
		{ "/a", "/ab", false },    { "/a", "/a/b", false }, { "/", "//.", true },
		{ "/.a", "/a", false },    { "", "", false },       { NULL, "/", false },
		{ "/a/..b", "/a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (target_equal(cases[i].a, cases[i].b) != cases[i].equal)
			fail_msg("%s and %s: expected %d", cases[i].a, cases[i].b, cases[i].equal);
	assert_true(target_contains("/a", "//a/./b/c"));
	assert_true(target_contains("/a/b/", "/a/b"));
	assert_true(target_contains("/", "/a"));
	assert_false(target_contains("/a/b", "/a"));
	assert_false(target_contains("/a", "/ab"));
	assert_false(target_contains("", "/a"));
	assert_false(target_contains("/a", NULL));
	assert_true(target_is_root("/./"));
	assert_false(target_is_root("/a"));
}

static void test_capabilities(void **state UNUSED)
{
	assert_string_equal(capability_name(40), "CAP_CHECKPOINT_RESTORE");
	assert_null(capability_name(41));
	assert_int_equal(capability_parse("net_Admin"), 12);
	assert_int_equal(capability_parse("CAP_CHOWN"), 0);
	assert_int_equal(capability_parse("cap_bpf"), 39);
	assert_int_equal(capability_parse("ALL"), -1);
	assert_int_equal(capability_parse(""), -1);
	assert_string_equal(capability_nearest("cap_net_admn"), "NET_ADMIN");
	assert_null(capability_nearest("something else"));
	assert_int_equal(capability_defaults(), 0xa80425fb); /* containerd's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_defaults),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

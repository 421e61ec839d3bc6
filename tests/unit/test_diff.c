/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/buf.h"
#include "core/manifest/manifest.h"
#include "core/model/model.h"
#include "core/status/diff.h"

static ProtobufCMessage *parse(const ProtobufCMessageDescriptor *type, const char *yaml)
{
	ProtobufCMessage *message = NULL;
	struct error err;

	if (manifest_parse_stored("test", yaml, strlen(yaml), type, &message, &err) < 0)
		fail_msg("%s: %s", yaml, err.msg);
	return message;
}

/* The paths joined by spaces. */
static char *diff_of(const ProtobufCMessage *before, const ProtobufCMessage *after)
{
	AUTO(strv_fini) struct strv paths = { 0 };
	AUTO_BUF struct buf text = { 0 };

	model_diff(before, after, &paths);
	for (size_t i = 0; i < paths.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", paths.items[i]);
	return buf_take(&text);
}

static void expect(const ProtobufCMessageDescriptor *type, const char *before, const char *after,
		   const char *paths)
{
	ProtobufCMessage *a = parse(type, before), *b = parse(type, after);
	AUTO_FREE char *there = diff_of(a, b), *back = diff_of(b, a);

	if (strcmp(there, paths) != 0)
		fail_msg("%s -> %s: \"%s\", expected \"%s\"", before, after, there, paths);
	if (!strchr(paths, ' ')) /* more than one may come in another order */
		assert_string_equal(back, paths);
	protobuf_c_message_free_unpacked(a, NULL);
	protobuf_c_message_free_unpacked(b, NULL);
}

#define WEB(container) "spec: {containers: [{id: a, " container "}]}"

static const struct {
	const char *before, *after, *paths;
} cells[] = {
	{ "spec: {id: web}", "spec: {id: web}", "" },
	{ "spec: {id: web}", "spec: {id: db}", "spec.id" },
	{ "{}", "spec: {id: ''}", "" },
	{ "{}", "metadata: {labels: {}}", "" },
	{ "{}", "spec: {nestedCgroupRuntime: false}", "" },
	{ "{}", "spec: {nestedCgroupRuntime: true}", "spec.nestedCgroupRuntime" },
	{ "{}", "spec: {containers: [{}]}", "spec.containers" },
	{ "metadata: {labels: {app: web, tier: x}}", "metadata: {labels: {tier: x, app: web}}",
	  "" },
	{ "metadata: {labels: {app: web}}", "metadata: {labels: {app: db}}",
	  "metadata.labels.app" },
	{ "metadata: {labels: {app: web}}", "metadata: {name: w}",
	  "metadata.name metadata.labels.app" },
	{ "metadata: {labels: {a: x}}", "metadata: {labels: {b: x}}",
	  "metadata.labels.a metadata.labels.b" },
	{ WEB("args: [x]"), WEB("args: [x]"), "" },
	{ WEB("args: [x]"), WEB("args: [y]"), "spec.containers[0].args" },
	{ WEB("args: [x, y]"), WEB("args: [y, x]"), "spec.containers[0].args" },
	{ WEB("args: [x]"), WEB("args: [x, x]"), "spec.containers[0].args" },
	{ WEB("args: []"), WEB("image: i"), "spec.containers[0].image" },
	{ WEB("stopGracePeriodSeconds: 0"), WEB("image: ''"),
	  "spec.containers[0].stopGracePeriodSeconds" },
	{ WEB("readOnlyRootFilesystem: false"), WEB("image: ''"),
	  "spec.containers[0].readOnlyRootFilesystem" },
	{ WEB("privileged: false"), WEB("image: ''"), "" },
	{ WEB("capabilities: {}"), WEB("image: ''"), "" },
	{ WEB("capabilities: {add: [NET_ADMIN]}"), WEB("image: ''"),
	  "spec.containers[0].capabilities.add" },
	{ WEB("volumes: [{source: /a, target: /b}]"), WEB("volumes: [{source: /a, target: /c}]"),
	  "spec.containers[0].volumes[0].target" },
	{ WEB("volumes: [{source: /a, target: /b}]"),
	  WEB("volumes: [{source: /a, target: /b, kind: bind}]"),
	  "spec.containers[0].volumes[0].kind" },
	{ "spec: {containers: [{id: a}, {id: b}]}", "spec: {containers: [{id: a}]}",
	  "spec.containers" },
	{ "status: {ip: 10.88.0.2}", "status: {state: Ready}", "" },
};

static void test_cells(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		expect(&api__cell__descriptor, cells[i].before, cells[i].after, cells[i].paths);
}

/* Every field of the schema's kinds is told apart by its own path. */
static void test_other_kinds(void **state UNUSED)
{
	expect(&api__space__descriptor, "{}", "spec: {defaults: {container: {user: www}}}",
	       "spec.defaults.container.user");
	expect(&api__space__descriptor, "spec: {defaults: {container: {}}}", "{}", "");
	expect(&api__container__descriptor, "spec: {cellId: a}", "spec: {cellId: b}",
	       "spec.cellId");
}

static void test_null(void **state UNUSED)
{
	ProtobufCMessage *realm = parse(&api__realm__descriptor, "spec: {namespace: n}");
	AUTO_FREE char *none = diff_of(NULL, NULL), *made = diff_of(NULL, realm),
		       *gone = diff_of(realm, NULL);

	assert_string_equal(none, "");
	assert_string_equal(made, "spec.namespace");
	assert_string_equal(gone, "spec.namespace");
	protobuf_c_message_free_unpacked(realm, NULL);
}

static void test_bounded(void **state UNUSED)
{
	AUTO(strv_fini) struct strv paths = { 0 };
	AUTO_BUF struct buf yaml = { 0 };
	ProtobufCMessage *message;

	buf_add_str(&yaml, "metadata: {labels: {");
	for (int i = 0; i < 20; i++)
		buf_printf(&yaml, "%sl%02d: x", i ? ", " : "", i);
	buf_add_str(&yaml, "}}");
	message = parse(&api__stack__descriptor, yaml.data);
	model_diff(NULL, message, &paths);
	assert_int_equal(paths.n, MODEL_DIFF_MAX_PATHS + 1);
	assert_string_equal(paths.items[0], "metadata.labels.l00");
	assert_string_equal(paths.items[MODEL_DIFF_MAX_PATHS - 1], "metadata.labels.l15");
	assert_string_equal(paths.items[MODEL_DIFF_MAX_PATHS], "...");
	protobuf_c_message_free_unpacked(message, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

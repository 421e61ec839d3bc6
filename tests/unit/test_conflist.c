/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/conflist.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "drivers/attachments/attachment.h"

static char *make_web(void)
{
	return conflist_make(&(struct conflist_options){ .space_key = "main/web",
							 .bridge = "kuke-main-web",
							 .subnet = "10.88.0.0/16",
							 .data_dir = "/run/x/ipam" });
}

static void test_make_and_read_back(void **state UNUSED)
{
	AUTO_FREE char *text = make_web();
	AUTO(conflist_fini) struct conflist list = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	assert_string_equal(list.name, "main-web");
	assert_string_equal(list.space_key, "main/web");
	assert_string_equal(list.bridge, "kuke-main-web");
	assert_int_equal(list.subnets.n, 1);
	assert_string_equal(list.subnets.items[0], "10.88.0.0/16");
	assert_int_equal(conflist_count_plugins(&list), 1);
	assert_string_equal(conflist_plugin_type(&list, 0), "bridge");
}

static void test_dual_stack(void **state UNUSED)
{
	AUTO_FREE char *text =
		conflist_make(&(struct conflist_options){ .space_key = "main/web",
							  .bridge = "kuke-main-web",
							  .subnet = "10.88.0.0/16",
							  .subnet6 = "fd12:3456:789a:1::/64",
							  .data_dir = "/run/kukeon/ipam" });
	AUTO(conflist_fini) struct conflist list = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	assert_string_equal(conflist_subnet(&list), "10.88.0.0/16");
	assert_string_equal(conflist_subnet6(&list), "fd12:3456:789a:1::/64");
	AUTO_FREE char *input = conflist_plugin_input(
		&list, 0, NULL,
		&(struct interface_wish){ "10.88.0.9", "fd12:3456:789a:1::9", NULL });

	assert_non_null(strstr(input, "\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}],"
				      "[{\"subnet\":\"fd12:3456:789a:1::/64\"}]]"));
	assert_non_null(strstr(input, "\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\"}]"));
	assert_non_null(strstr(input, "\"ips\":[\"10.88.0.9\",\"fd12:3456:789a:1::9\"]"));
}

static void test_equal(void **state UNUSED)
{
	AUTO_FREE char *text = make_web(), *reservations = NULL;
	AUTO(conflist_fini) struct conflist list = { 0 }, same = { 0 }, other = { 0 };
	AUTO_FREE char *compact = NULL, *edited = NULL;

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	compact = json_dumps(list.root, JSON_COMPACT | JSON_SORT_KEYS);
	assert_int_equal(conflist_parse(compact, strlen(compact), &same, NULL), 0);
	assert_true(conflist_equal(&list, &same));
	edited = xstrdup(text);
	memcpy(strstr(edited, "10.88"), "10.99", 5);
	assert_int_equal(conflist_parse(edited, strlen(edited), &other, NULL), 0);
	assert_false(conflist_equal(&list, &other));
	reservations = conflist_reservations(&list);
	assert_string_equal(reservations, "/run/x/ipam/main-web");
}

static void test_plugin_input(void **state UNUSED)
{
	AUTO_FREE char *text = make_web();
	AUTO(conflist_fini) struct conflist list = { 0 };
	json_t *prev = json_pack("{s:s}", "cniVersion", "1.0.0"), *input;

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	AUTO_FREE char *plain =
		conflist_plugin_input(&list, 0, NULL, &(struct interface_wish){ 0 });
	assert_string_equal(
		plain,
		"{\"type\":\"bridge\",\"bridge\":\"kuke-main-web\",\"isGateway\":true,\"ipMasq\":false,"
		"\"hairpinMode\":true,\"promiscMode\":false,\"ipam\":{\"type\":\"host-local\","
		"\"dataDir\":\"/run/x/ipam\",\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}]],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},\"name\":\"main-web\",\"cniVersion\":\"1.0.0\"}");
	AUTO_FREE char *full = conflist_plugin_input(
		&list, 0, prev, &(struct interface_wish){ "10.88.0.9", NULL, "02:00:00:00:00:09" });
	input = json_loads(full, 0, NULL);
	assert_non_null(json_object_get(input, "prevResult"));
	assert_string_equal(
		json_string_value(json_array_get(
			json_object_get(json_object_get(input, "runtimeConfig"), "ips"), 0)),
		"10.88.0.9");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(input, "runtimeConfig"), "mac")),
		"02:00:00:00:00:09");
	assert_null(json_object_get(input, "capabilities"));
	json_decref(input);
	json_decref(prev);
}

/* Unknown keys go through; an address is given only to who declares that it takes one. */
static void test_foreign_list(void **state UNUSED)
{
	static const char text[] =
		"{\"cniVersion\":\"0.4.0\",\"name\":\"net\",\"plugins\":["
		"{\"type\":\"ptp\",\"odd\":{\"a\":[1]},\"ipam\":{\"subnet\":\"10.1.0.0/24\"}},"
		"{\"type\":\"tuning\",\"capabilities\":{\"mac\":true}}]}";
	AUTO(conflist_fini) struct conflist list = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	assert_null(list.space_key);
	assert_null(list.bridge);
	assert_string_equal(list.subnets.items[0], "10.1.0.0/24");
	AUTO_FREE char *first =
		conflist_plugin_input(&list, 0, NULL, &(struct interface_wish){ .ip = "10.1.0.5" });
	assert_string_equal(
		first,
		"{\"type\":\"ptp\",\"odd\":{\"a\":[1]},\"ipam\":{\"subnet\":\"10.1.0.0/24\"},"
		"\"name\":\"net\",\"cniVersion\":\"0.4.0\"}");
	AUTO_FREE char *second =
		conflist_plugin_input(&list, 1, NULL, &(struct interface_wish){ .ip = "10.1.0.5" });
	assert_string_equal(second,
			    "{\"type\":\"tuning\",\"name\":\"net\",\"cniVersion\":\"0.4.0\"}");
}

static void test_single_plugin_file(void **state UNUSED)
{
	static const char text[] =
		"{\"name\":\"old\",\"type\":\"bridge\",\"bridge\":\"cni0\","
		"\"ipam\":{\"ranges\":[[{\"subnet\":\"10.2.0.0/24\"}],[{\"subnet\":\"fd00::/64\"}]]}}";
	AUTO(conflist_fini) struct conflist list = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	assert_string_equal(list.bridge, "cni0");
	assert_int_equal(list.subnets.n, 2);
}

static void test_refused(void **state UNUSED)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{}",
		"null",
		"{\"name\":\"a\"}",
		"{\"name\":\"a\",\"plugins\":[]}",
		"{\"name\":\"a\",\"plugins\":{}}",
		"{\"name\":\"a\",\"plugins\":[1]}",
		"{\"name\":\"a\",\"plugins\":[{\"type\":\"../sh\"}]}",
		"{\"name\":\"a\",\"plugins\":[{\"type\":\"\"}]}",
		"{\"name\":\"../a\",\"type\":\"bridge\"}",
		"{\"name\":\"..\",\"type\":\"bridge\"}",
		"{\"name\":\"a\",\"name\":\"b\",\"type\":\"bridge\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(conflist_fini) struct conflist list = { 0 };
		struct error err = { 0 };

		if (conflist_parse(bad[i], strlen(bad[i]), &list, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_true(err.msg[0]);
	}
}

static void test_marker_must_be_a_space(void **state UNUSED)
{
	static const char *const markers[] = { "\"x\"",
					       "{}",
					       "{\"space\":\"a\"}",
					       "{\"space\":\"a/b/c\"}",
					       "{\"space\":\"../b\"}",
					       "{\"space\":1}" };

	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		AUTO(conflist_fini) struct conflist list = { 0 };
		AUTO_FREE char *text =
			xasprintf("{\"name\":\"a\",\"type\":\"bridge\",\"kukeon\":%s}", markers[i]);

		assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
		assert_null(list.space_key);
	}
}

/* A cell that joins keeps its way out: nothing of the further network is one. */
static void test_drop_routes(void **state UNUSED)
{
	static const char text[] =
		"{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\",\"isDefaultGateway\":true,"
		"\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"routes\":[{\"dst\":"
		"\"0.0.0.0/0\"}],\"ranges\":[[{\"subnet\":\"10.1.0.0/16\"}]]}},{\"type\":\"tuning\"}]}";
	AUTO(conflist_fini) struct conflist list = { 0 }, again = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	conflist_drop_routes(&list);
	AUTO_FREE char *dropped = conflist_text(&list);

	assert_null(strstr(dropped, "routes"));
	assert_null(strstr(dropped, "isDefaultGateway"));
	assert_non_null(strstr(dropped, "\"isGateway\":true"));
	assert_int_equal(conflist_parse(dropped, strlen(dropped), &again, NULL), 0);
	assert_string_equal(again.subnets.items[0], "10.1.0.0/16");
}

static void test_attachment_keys(void **state UNUSED)
{
	AUTO_FREE char *own = attachment_key("a/b/c/d", 7, NULL);
	AUTO_FREE char *joined = attachment_key("a/b/c/d", 8, "a/x");
	AUTO_FREE char *cell = attachment_cell_key(joined);
	AUTO_FREE char *own_space = attachment_space_key(own);
	AUTO_FREE char *joined_space = attachment_space_key(joined);
	AUTO_FREE char *own_mac = attachment_mac("a/b/c/d", NULL);
	AUTO_FREE char *joined_mac = attachment_mac("a/b/c/d", "a/x");

	assert_string_equal(joined, "attachment/a/b/c/d/8/a/x");
	assert_string_equal(cell, "a/b/c/d");
	assert_string_equal(own_space, "a/b");
	assert_string_equal(joined_space, "a/x");
	assert_null(attachment_joined_space(own));
	assert_null(attachment_space_key("attachment/a/b/c/d/8/a"));
	assert_null(attachment_space_key("attachment/a/b/c"));
	assert_null(attachment_cell_key("attachment/a/b/c/d/"));
	assert_string_not_equal(own_mac, joined_mac);
}

static void test_attachment_record(void **state UNUSED)
{
	static const char result[] =
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.88.0.2/16\"}]}";
	struct attachment out = { .container_id = xstrdup("a_b_c_d.7"),
				  .interface = xstrdup("eth3"),
				  .netns = xstrdup("/run/n/a_b_c_d"),
				  .boot_id = xstrdup("boot"),
				  .conf_path = xstrdup("/etc/x"),
				  .config = make_web() };
	AUTO(attachment_fini) struct attachment in = { 0 }, with_result = { 0 };
	AUTO_FREE char *key = attachment_key("a/b/c/d", 7, NULL);
	AUTO_FREE char *cell = attachment_cell_key(key);
	AUTO_FREE char *intent = attachment_format(&out);

	assert_string_equal(key, "attachment/a/b/c/d/7");
	assert_string_equal(cell, "a/b/c/d");
	assert_null(attachment_cell_key("attachment/a/b/c/7"));
	assert_null(attachment_cell_key("confdir/a/b"));
	assert_int_equal(attachment_parse(intent, strlen(intent), &in, NULL), 0);
	assert_string_equal(in.config, out.config);
	assert_string_equal(in.interface, "eth3");
	assert_null(in.result.root);
	assert_null(in.wanted_ip);
	assert_int_equal(cni_result_parse(result, strlen(result), &out.result, NULL), 0);
	out.wanted_ip = xstrdup("10.88.0.2");
	AUTO_FREE char *done = attachment_format(&out);
	assert_int_equal(attachment_parse(done, strlen(done), &with_result, NULL), 0);
	assert_string_equal(with_result.result.ip, "10.88.0.2");
	assert_string_equal(with_result.wanted_ip, "10.88.0.2");
	assert_int_equal(attachment_parse("{}", 2, &in, NULL), -EBADMSG);
	assert_int_equal(attachment_parse("x", 1, &in, NULL), -EBADMSG);
	attachment_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_read_back),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_plugin_input),
		cmocka_unit_test(test_dual_stack),
		cmocka_unit_test(test_foreign_list),
		cmocka_unit_test(test_single_plugin_file),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_marker_must_be_a_space),
		cmocka_unit_test(test_drop_routes),
		cmocka_unit_test(test_attachment_keys),
		cmocka_unit_test(test_attachment_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

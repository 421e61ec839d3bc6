/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"

static void test_results(void **state UNUSED)
{
	static const struct {
		const char *text, *ip, *bridge;
		int status;
		const char *ip6;
	} table[] = {
		{ "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"kuke-a-b\",\"mac\":\"x\"},{\"name\":\"veth1\"},"
		  "{\"name\":\"eth0\",\"sandbox\":\"/run/n\"}],\"ips\":[{\"interface\":2,\"address\":\"10.88.0.2/16\"}]}",
		  "10.88.0.2", "kuke-a-b", 0, NULL },
		{ "{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/n\"},{\"name\":\"br0\",\"sandbox\":\"\"}]}",
		  NULL, "br0", 0, NULL },
		{ "{\"ips\":[{\"address\":\"fd00::2/64\"}]}", NULL, NULL, 0, "fd00::2" },
		{ "{\"ips\":[{\"address\":\"fd00::2/64\"},{\"address\":\"10.1.2.3/8\"},"
		  "{\"address\":\"fd00::3/64\"},{\"address\":\"10.1.2.4/8\"}]}",
		  "10.1.2.3", NULL, 0, "fd00::2" },
		{ "{\"ips\":[{\"address\":\"10.1.2.3/8\"},{\"address\":\"fd00::g/64\"}]}", NULL,
		  NULL, -EBADMSG, NULL },
		{ "{\"ips\":[{\"address\":\"10.1.2.3\"}]}", "10.1.2.3", NULL, 0, NULL },
		{ "{}", NULL, NULL, 0, NULL },
		{ "{\"ips\":{},\"interfaces\":3}", NULL, NULL, 0, NULL },
		{ "{\"ips\":[{\"address\":\"10.1.2.3.4/16\"}]}", NULL, NULL, -EBADMSG, NULL },
		{ "{\"ips\":[{\"address\":\"$(reboot)/16\"}]}", NULL, NULL, -EBADMSG, NULL },
		{ "{\"ips\":[{}]}", NULL, NULL, -EBADMSG, NULL },
		{ "[]", NULL, NULL, -EBADMSG, NULL },
		{ "", NULL, NULL, -EBADMSG, NULL },
		{ "junk", NULL, NULL, -EBADMSG, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(cni_result_fini) struct cni_result result = { 0 };
		int r = cni_result_parse(table[i].text, strlen(table[i].text), &result, NULL);

		if (r != table[i].status || !str_equal(result.ip, table[i].ip) ||
		    !str_equal(result.ip6, table[i].ip6) ||
		    !str_equal(result.bridge, table[i].bridge))
			fail_msg("%s: got %d ip=%s bridge=%s", table[i].text, r, result.ip,
				 result.bridge);
	}
}

/* What the host's side of an attachment is called. */
static void test_host_side(void **state UNUSED)
{
	static const char text[] =
		"{\"interfaces\":[{\"name\":\"kuke-a-b\",\"mac\":\"02:00:00:00:00:01\"},{\"name\":\"veth1\"},"
		"{\"name\":\"eth0\",\"sandbox\":\"/run/n\"}],"
		"\"ips\":[{\"interface\":2,\"address\":\"10.88.0.2/16\",\"gateway\":\"10.88.0.1\"}]}";
	AUTO(cni_result_fini) struct cni_result result = { 0 }, bare = { 0 };

	assert_int_equal(cni_result_parse(text, strlen(text), &result, NULL), 0);
	assert_string_equal(result.bridge_mac, "02:00:00:00:00:01");
	assert_string_equal(result.link, "veth1");
	assert_string_equal(result.gateway, "10.88.0.1/16");
	assert_int_equal(cni_result_parse("{}", 2, &bare, NULL), 0);
	assert_true(!bare.bridge_mac && !bare.link && !bare.gateway);
}

static void test_errors(void **state UNUSED)
{
	static const struct {
		const char *text;
		int status;
		const char *words;
	} table[] = {
		{ "{\"code\":11,\"msg\":\"busy\"}", -EAGAIN, "busy (code 11)" },
		{ "{\"code\":3,\"msg\":\"who?\",\"details\":\"never seen\"}", -ENOENT,
		  "who?: never seen (code 3)" },
		{ "{\"code\":7,\"msg\":\"bad\\n\\u0007config\"}", -EINVAL, "bad  config (code 7)" },
		{ "{\"code\":1}", -EPROTONOSUPPORT, "no message (code 1)" },
		{ "{\"code\":6,\"msg\":\"m\"}", -EBADMSG, "m (code 6)" },
		{ "{\"code\":999,\"msg\":\"m\"}", -EIO, "m (code 999)" },
		{ "{\"code\":999,\"msg\":\"failed to connect \\\"veth1\\\" to bridge b: exchange full\"}",
		  -EXFULL,
		  "all 1023 ports of the bridge are in use: delete cells of the space, or put some "
		  "into another one" },
		{ "{\"code\":0,\"msg\":\"m\"}", 0, "" },
		{ "{\"code\":\"7\"}", 0, "" },
		{ "{}", 0, "" },
		{ "panic: oh no", 0, "" },
		{ "", 0, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct error err = { 0 };
		int r = cni_error_parse(table[i].text, strlen(table[i].text), &err);

		if (r != table[i].status || strcmp(err.msg, table[i].words) != 0)
			fail_msg("%s: got %d \"%s\"", table[i].text, r, err.msg);
	}
}

static void test_bounded(void **state UNUSED)
{
	size_t len = CNI_RESULT_MAX_BYTES + 1;
	AUTO_FREE char *text = xcalloc(1, len + 1);
	struct cni_result result = { 0 };

	memset(text, ' ', len);
	memcpy(text, "{}", 2);
	assert_int_equal(cni_result_parse(text, len, &result, NULL), -EFBIG);
	memset(text, '[', len);
	assert_int_equal(cni_result_parse(text, len - 1, &result, NULL), -EBADMSG);
	assert_int_equal(cni_error_parse(text, len, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_host_side),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

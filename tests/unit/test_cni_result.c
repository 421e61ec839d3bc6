/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "drivers/attachments/attachment.h"

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

/* {"x": BEGIN * n INNER END * n} */
static char *repeated(const char *begin, const char *inner, const char *end, size_t n)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_str(&text, "{\"x\":");
	for (size_t i = 0; i < n; i++)
		buf_add_str(&text, begin);
	buf_add_str(&text, inner);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&text, end);
	buf_add_str(&text, "}");
	return buf_take(&text);
}

/* The record of an attachment holds its result: whatever is accepted can be read back from there.
 */
static void test_what_is_accepted_can_be_kept(void **state UNUSED)
{
	static const struct {
		const char *begin, *inner, *end;
		size_t n;
		int status;
	} table[] = {
		{ "[", "", "]", CNI_RESULT_MAX_DEPTH - 1, 0 },
		{ "[", "", "]", CNI_RESULT_MAX_DEPTH, -EFBIG },
		{ "[", "", "]", 2046, -EFBIG }, /* as deep as the parser goes */
		{ "[0.1,", "[]", "]", 32, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_FREE char *text =
			repeated(table[i].begin, table[i].inner, table[i].end, table[i].n);
		AUTO(attachment_fini) struct attachment kept = { 0 }, again = { 0 };
		AUTO_FREE char *record = NULL;
		struct error err;

		assert_int_equal(cni_result_parse(text, strlen(text), &kept.result, NULL),
				 table[i].status);
		if (table[i].status < 0)
			continue;
		kept.container_id = xstrdup("a");
		kept.interface = xstrdup("eth0");
		kept.netns = xstrdup("/run/n");
		kept.boot_id = xstrdup("b");
		kept.conf_path = xstrdup("/etc/c");
		kept.config = xstrdup("{\"name\":\"n\",\"type\":\"bridge\"}");
		record = attachment_format(&kept);
		if (attachment_parse(record, strlen(record), &again, &err) < 0)
			fail_msg("%s", err.msg);
	}
}

/* Short as the plugin wrote it, long as it is kept. */
static void test_numbers_grow(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct cni_result result = { 0 };

	buf_add_str(&text, "{\"x\":[0");
	while (text.len < CNI_RESULT_MAX_BYTES / 2)
		buf_add_str(&text, ",0.1");
	buf_add_str(&text, "]}");
	assert_int_equal(cni_result_parse(text.data, text.len, &result, NULL), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_host_side),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_what_is_accepted_can_be_kept),
		cmocka_unit_test(test_numbers_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

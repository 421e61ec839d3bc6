/* SPDX-License-Identifier: Apache-2.0 */
/* hosts.toml: mirrors in their order, what each is spoken to with, and what is wrong with a file.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/registry_hosts.h"

static void add_list(struct buf *out, const char *name, const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s%s", i ? "," : "", i ? "" : name, list->items[i]);
}

static void print(const struct registry_hosts *hosts, struct buf *out)
{
	buf_add_str(out, "");
	for (size_t i = 0; i < hosts->n; i++) {
		const struct registry_host *host = &hosts->items[i];

		buf_printf(out, "%s%s %s%s%s%s%s%s", i ? "\n" : "", host->url,
			   host->can & REGISTRY_CAN_PULL ? "p" : "",
			   host->can & REGISTRY_CAN_RESOLVE ? "r" : "",
			   host->can & REGISTRY_CAN_PUSH ? "w" : "", host->mirror ? " mirror" : "",
			   host->plain ? " plain" : "", host->skip_verify ? " skip" : "");
		add_list(out, " ca=", &host->ca);
		add_list(out, " client=", &host->client);
		add_list(out, " header=", &host->headers);
		if (host->dial_timeout_ms)
			buf_printf(out, " dial=%u", host->dial_timeout_ms);
	}
}

static void test_files(void **state UNUSED)
{
	static const struct {
		const char *registry, *text, *expected;
	} rows[] = {
		{ "docker.io", "", "https://registry-1.docker.io/v2 prw" },
		{ "quay.io", "# nothing\n\n", "https://quay.io/v2 prw" },
		{ "localhost:5000", "", "http://localhost:5000/v2 prw plain" },
		{ "docker.io", "server = \"https://docker.io\"\n[host.\"https://m.example\"]\n",
		  "https://m.example/v2 prw mirror\nhttps://docker.io/v2 prw mirror" },
		{ "quay.io",
		  "[host.\"https://b.example:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
		  "[host.'http://a.example']\ncapabilities = ['pull'] # only\n",
		  "https://b.example:5000/v2 pr mirror\nhttp://a.example/v2 p mirror plain\n"
		  "https://quay.io/v2 prw" },
		{ "quay.io",
		  "[host.\"https://m.example/v2/proxy/\"]\noverride_path = true\n"
		  "[host.\"https://n.example/v2\"]\nskip_verify=true\n",
		  "https://m.example/v2/proxy prw mirror\nhttps://n.example/v2 prw mirror skip\n"
		  "https://quay.io/v2 prw" },
		{ "quay.io",
		  "ca = \"ca.pem\"\n"
		  "[host.\"https://m.example\"]\nca = [\n  \"/etc/a.pem\", # one\n  \"b.pem\",\n]\n"
		  "client = [[\"c.pem\", \"k.pem\"], [\"both.pem\"]]\n"
		  "[host.\"https://m.example\".header]\n\"x-a\" = \"1\"\nx-b = [\"2\", \"3\"]\n",
		  "https://m.example/v2 prw mirror ca=/etc/a.pem,/d/b.pem "
		  "client=/d/c.pem,/d/k.pem,/d/both.pem, header=x-a: 1,x-b: 2,x-b: 3\n"
		  "https://quay.io/v2 prw ca=/d/ca.pem" },
		{ "quay.io",
		  "[host]\n\"https://m.example\" = { skip_verify = true, header = { a = \"\\u00e9\" } }",
		  "https://m.example/v2 prw mirror skip header=a: \xc3\xa9\nhttps://quay.io/v2 prw" },
		{ "quay.io", "host.\"m.example\".client = \"both.pem\"",
		  "https://m.example/v2 prw mirror client=/d/both.pem,\nhttps://quay.io/v2 prw" },
		{ "quay.io", "client = [\"a.pem\", \"b.pem\"]",
		  "https://quay.io/v2 prw client=/d/a.pem,,/d/b.pem," },
		{ "quay.io", "dial_timeout = \"1m30.5s\"\r\nunknown = 7\r\nother.one = [1, 2]",
		  "https://quay.io/v2 prw dial=90500" },
		{ "quay.io", "[host.\"QUAY.io\"]\n[host.\"127.0.0.1:5000\"]\n",
		  "https://QUAY.io/v2 prw\nhttp://127.0.0.1:5000/v2 prw mirror plain\n"
		  "https://quay.io/v2 prw" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };

		if (registry_hosts_parse(rows[i].text, strlen(rows[i].text), rows[i].registry, "/d",
					 &hosts, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		print(&hosts, &out);
		assert_string_equal(out.data, rows[i].expected);
	}
}

static void test_wrong(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "server", "line 1: expected \"=\" behind the key" },
		{ "\n\nserver = x", "line 3: expected a value" },
		{ "server = ", "line 1: expected a value" },
		{ "server = 7", "line 1: server: expected a URL" },
		{ "server = \"x", "line 1: the string does not end on its line" },
		{ "server = \"\"\"x\"\"\"", "strings of several lines" },
		{ "server = \"\\q\"", "unknown escape" },
		{ "server = \"\\ud800\"", "this is no character" },
		{ "server = \"ftp://x\"", "\"ftp://x\" is no host" },
		{ "server = \"https://a@b\"", "is no host" },
		{ "server = \"https://\"", "is no host" },
		{ "[host.\"https://a b\"]", "is no host" },
		{ "[host.\"a\"", "line 1: expected \"]\" behind the table's name" },
		{ "[[host]]", "arrays of tables" },
		{ "[host.a]\nskip_verify = 1", "line 2: skip_verify: expected true or false" },
		{ "capabilities = [\"fly\"]", "line 1: capabilities: unknown capability" },
		{ "capabilities = \"pull\"", "capabilities: expected a list" },
		{ "ca = [1]", "line 1: ca: expected a file or a list of files" },
		{ "ca = true", "ca: expected a file or a list of files" },
		{ "client = [[\"a\", \"b\", \"c\"]]", "client: expected a file" },
		{ "header = { \"a b\" = \"x\" }", "header: expected a header's value" },
		{ "header = { a = \"x\\r\\ny: z\" }", "header: expected a header's value" },
		{ "dial_timeout = \"5\"", "dial_timeout: expected a time" },
		{ "dial_timeout = \"900h\"", "dial_timeout: expected a time" },
		{ "dial_timeout = \"\"", "dial_timeout: expected a time" },
		{ "a = [1 2]", "expected \",\" or \"]\"" },
		{ "a = [", "expected a value" },
		{ "a = [{}]", "tables in arrays" },
		{ "a = {b = 1", "expected \",\" or \"}\"" },
		{ "a = 1 b = 2", "line 1: expected the end of the line" },
		{ "a = [[[[[[[[[[1]]]]]]]]]]", "too deep" },
		{ "a.b.c.d.e.f.g.h.i = 1", "the key has too many parts" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
		struct error err = { 0 };

		if (registry_hosts_parse(rows[i].text, strlen(rows[i].text), "quay.io", "/d",
					 &hosts, &err) >= 0)
			fail_msg("%s: was taken", rows[i].text);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("%s: %s", rows[i].text, err.msg);
	}
}

static void test_bounds(void **state UNUSED)
{
	static const char nul[] = "server = \"a\0b\"";
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
	AUTO_BUF struct buf text = { 0 }, keys = { 0 };
	struct error err = { 0 };

	for (int i = 0; i <= REGISTRY_HOSTS_MAX; i++)
		buf_printf(&text, "[host.h%d]\n", i);
	assert_int_equal(registry_hosts_parse(text.data, text.len, "q", "/d", &hosts, &err),
			 -EFBIG);
	assert_string_equal(err.msg, "line 33: there are more than 32 hosts");
	for (int i = 0; i < 5000; i++)
		buf_printf(&keys, "k%d = 1\n", i);
	assert_int_equal(registry_hosts_parse(keys.data, keys.len, "q", "/d", &hosts, &err),
			 -EFBIG);
	while (keys.len <= 256 * 1024)
		buf_add_str(&keys, "# more and more\n");
	assert_int_equal(registry_hosts_parse(keys.data, keys.len, "q", "/d", &hosts, &err),
			 -EFBIG);
	assert_int_equal(registry_hosts_parse(nul, sizeof(nul), "q", "/d", &hosts, &err), -EBADMSG);
}

static void test_directories(void **state UNUSED)
{
	static const struct {
		const char *registry, *expected;
	} rows[] = {
		{ "quay.io", "quay.io,_default" },
		{ "localhost:5000", "localhost_5000_,localhost:5000,_default" },
		{ "[::1]", "[::1],_default" },
		{ "[::1]:5000", "[::1]_5000_,[::1]:5000,_default" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strv_fini) struct strv names = { 0 };
		AUTO_BUF struct buf out = { 0 };

		registry_hosts_directories(rows[i].registry, &names);
		add_list(&out, "", &names);
		assert_string_equal(out.data, rows[i].expected);
	}
}

static void test_default(void **state UNUSED)
{
	static const struct {
		const char *registry, *expected;
	} rows[] = {
		{ "docker.io", "https://registry-1.docker.io/v2 prw" },
		{ "quay.io", "https://quay.io/v2 prw" },
		{ "localhost", "http://localhost/v2 prw plain" },
		{ "localhost:443", "https://localhost:443/v2 prw" },
		{ "127.0.0.1:5000", "http://127.0.0.1:5000/v2 prw plain" },
		{ "127.0.0.1.example:5000", "https://127.0.0.1.example:5000/v2 prw" },
		{ "[::1]:5000", "http://[::1]:5000/v2 prw plain" },
		{ "[::2]:5000", "https://[::2]:5000/v2 prw" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
		AUTO_BUF struct buf out = { 0 };

		registry_hosts_default(rows[i].registry, &hosts);
		print(&hosts, &out);
		assert_string_equal(out.data, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds),  cmocka_unit_test(test_directories),
		cmocka_unit_test(test_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

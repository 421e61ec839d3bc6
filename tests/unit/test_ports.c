/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: how they are written, and when two cannot be at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/model/ports.h"

static const struct {
	const char *text, *host;
	unsigned port;
} good[] = {
	{ "8080:80", "8080/tcp", 80 },
	{ "8080:80/tcp", "8080/tcp", 80 },
	{ "53:5353/udp", "53/udp", 5353 },
	{ "127.0.0.1:8080:80", "127.0.0.1:8080/tcp", 80 },
	{ "0.0.0.0:65535:1/udp", "0.0.0.0:65535/udp", 1 },
	{ "[fd00::1]:8080:80", "[fd00::1]:8080/tcp", 80 },
	{ "[FD00:0::1]:8080:80/udp", "[fd00::1]:8080/udp", 80 },
	{ "[::]:8080:80", "[::]:8080/tcp", 80 },
};

static const struct {
	const char *text, *problem;
} bad[] = {
	{ "", "does not say which port of the host" },
	{ "80", "does not say which port of the host" },
	{ "80/tcp", "does not say which port of the host" },
	{ "0:80", "\"0\" is not a port of the host" },
	{ "80:0", "\"0\" is not a port of the cell" },
	{ "70000:80", "\"70000\" is not a port of the host" },
	{ "80:65536", "\"65536\" is not a port of the cell" },
	{ "000080:80", "is not a port of the host" },
	{ "+80:80", "is not a port of the host" },
	{ "80 :80", "is not a port of the host" },
	{ ":80", "\"\" is not a port of the host" },
	{ "8080-8090:80", "is not a port of the host" },
	{ "80:80/sctp", "\"sctp\" is not a protocol" },
	{ "80:80/", "\"\" is not a protocol" },
	{ "80:80/tcp/udp", "is not a protocol" },
	{ "localhost:80:80", "\"localhost\" is not an address" },
	{ "1.2.3:80:80", "\"1.2.3\" is not an address" },
	{ "[::1]:80:80", "leads nothing from ::1" },
	{ "[fe80::1]:80:80", "of one link only" },
	{ "[::ffff:1.2.3.4]:80:80", "\"[::ffff:1.2.3.4]\" is not an address" },
	{ "[1.2.3.4]:80:80", "is not an address" },
	{ "[fd00::1]:80", "is not an address" },
	{ "[fd00::1:80:80", "\"[fd00::1\" is not an address" },
	{ "[]:80:80", "is not an address" },
	{ "fd00::1:80:80", "is not an address" },
	{ "::1:80:80", "is not an address" },
	{ "1:2:3:4", "\"1:2\" is not an address" },
	{ "11111111111111111111111111111111111111111111111111111111111111111111:80",
	  "more than 64 bytes" },
};

static void test_parse(void **state UNUSED)
{
	struct published_port port;
	char text[PORT_TEXT_BYTES];
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(port_parse(good[i].text, &port, &err), 0);
		assert_string_equal(port_host_text(&port, text), good[i].host);
		assert_int_equal(port.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (port_parse(bad[i].text, &port, &err) == 0)
			fail_msg("\"%s\" was taken for a port", bad[i].text);
		if (!strstr(err.msg, bad[i].problem))
			fail_msg("\"%s\": %s", bad[i].text, err.msg);
	}
}

static const struct {
	const char *a, *b;
	bool clash;
} pairs[] = {
	{ "80:80", "80:81", true },
	{ "80:80", "81:80", false },
	{ "80:80", "80:80/udp", false },
	{ "80:80", "127.0.0.1:80:80", true },
	{ "127.0.0.1:80:80", "127.0.0.1:80:81", true },
	{ "127.0.0.1:80:80", "127.0.0.2:80:80", false },
	{ "0.0.0.0:80:80", "127.0.0.2:80:80", true },
	{ "0.0.0.0:80:80", "[::]:80:80", false },
	{ "0.0.0.0:80:80", "80:80", true },
	{ "[::]:80:80", "80:80", true },
	{ "[::]:80:80", "[fd00::1]:80:80", true },
	{ "[fd00::2]:80:80", "[fd00::1]:80:80", false },
	{ "[fd00::0:1]:80:80", "[fd00::1]:80:81", true },
	{ "127.0.0.1:80:80", "[fd00::1]:80:80", false },
	{ "80:80", "[fd00::1]:80:80", true },
};

static void test_clash(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct published_port a, b;

		assert_int_equal(port_parse(pairs[i].a, &a, NULL), 0);
		assert_int_equal(port_parse(pairs[i].b, &b, NULL), 0);
		assert_int_equal(port_clashes(&a, &b), pairs[i].clash);
		assert_int_equal(port_clashes(&b, &a), pairs[i].clash);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_clash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

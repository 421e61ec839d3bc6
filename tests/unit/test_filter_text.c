/* SPDX-License-Identifier: Apache-2.0 */
/* The packet filter's text: the whole, the difference, and what may not stand in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "drivers/nft/filter_check.h"
#include "drivers/nft/filter_text.h"

/* A string that is no constant. */
#define TEXT(s) ((char[]){ s })

static struct filter_space a = { .key = TEXT("r/a"),
				 .bridge = TEXT("kuke-a"),
				 .subnet = TEXT("10.88.0.0/16") };
static struct filter_space both[] = {
	{ .key = TEXT("r/a"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.0.0/16") },
	{ .key = TEXT("r/b"), .bridge = TEXT("kuke-b"), .subnet = TEXT("10.89.0.0/16") }
};
static struct filter_port web[] = {
	{ .host_port = 8080, .bridge = TEXT("kuke-a"), .ip = TEXT("10.88.0.5"), .port = 80 },
};
static struct filter_port web_moved[] = {
	{ .host_port = 8080, .bridge = TEXT("kuke-a"), .ip = TEXT("10.88.0.6"), .port = 80 },
	{ .udp = true,
	  .host_ip = TEXT("127.0.0.1"),
	  .host_port = 53,
	  .bridge = TEXT("kuke-a"),
	  .ip = TEXT("10.88.0.6"),
	  .port = 5353 },
};

static const struct filter_wish nothing;
static const struct filter_wish one = { .spaces = &a, .n_spaces = 1 };
static const struct filter_wish two = { .spaces = both, .n_spaces = 2 };
static const struct filter_wish with_port = {
	.spaces = &a, .n_spaces = 1, .ports = web, .n_ports = 1
};
static const struct filter_wish moved = {
	.spaces = &a, .n_spaces = 1, .ports = web_moved, .n_ports = 2
};

static void assert_change(const struct filter_wish *from, const struct filter_wish *to,
			  const char *expected)
{
	AUTO_FREE char *text = filter_text_change("kukeon", from, to);

	assert_string_equal(text, expected);
}

static void assert_same_table(const struct filter_wish *x, const struct filter_wish *y)
{
	AUTO_FREE char *x_text = filter_text_whole("kukeon", x);
	AUTO_FREE char *y_text = filter_text_whole("kukeon", y);

	assert_string_equal(x_text, y_text);
}

static void test_difference(void **state UNUSED)
{
	assert_change(&one, &one, "");
	assert_change(&nothing, &nothing, "");
	assert_change(&one, &two,
		      "add element inet kukeon bridges { \"kuke-b\" }\n"
		      "add element inet kukeon inside { \"kuke-b\" . \"kuke-b\" }\n"
		      "add element inet kukeon ranges { \"kuke-b\" . 10.89.0.0/16 }\n");
	assert_change(&two, &one,
		      "delete element inet kukeon bridges { \"kuke-b\" }\n"
		      "delete element inet kukeon inside { \"kuke-b\" . \"kuke-b\" }\n"
		      "delete element inet kukeon ranges { \"kuke-b\" . 10.89.0.0/16 }\n");
	assert_change(
		&with_port, &moved,
		"delete element inet kukeon ports { tcp . 8080 : 10.88.0.5 . 80 }\n"
		"add element inet kukeon ports { tcp . 8080 : 10.88.0.6 . 80 }\n"
		"add element inet kukeon ports_at { 127.0.0.1 . udp . 53 : 10.88.0.6 . 5353 }\n");
	assert_change(&one, &nothing, "add table inet kukeon\ndelete table inet kukeon\n");
}

static struct filter_allow allow(const char *first, const char *last, int what, uint16_t first_port,
				 uint16_t last_port)
{
	struct filter_allow allow = { .v6 = strchr(first, ':') != NULL,
				      .what = what,
				      .first_port = first_port,
				      .last_port = last_port };

	assert_true(ip_parse(first, &allow.first) && ip_parse(last, &allow.last));
	return allow;
}

/* A policy is elements too; two spaces of one bridge cannot have one. */
static void test_policy(void **state UNUSED)
{
	struct filter_allow first[] = {
		allow("10.20.0.0", "10.20.255.255", ALLOW_ALL, 0, 0),
		allow("192.0.2.7", "192.0.2.7", ALLOW_TCP, 443, 443),
	};
	struct filter_allow second[] = {
		allow("10.20.0.0", "10.20.255.255", ALLOW_ALL, 0, 0),
		allow("192.0.2.7", "192.0.2.9", ALLOW_UDP, 1000, 2000),
	};
	struct filter_guest guest = { TEXT("kuke-b"), TEXT("10.89.0.9") };
	struct filter_space denies = a, other, sharing[] = { a, a };
	const struct filter_wish nothing_allowed = { .spaces = &denies, .n_spaces = 1 };
	const struct filter_wish changed = { .spaces = &other, .n_spaces = 1 };
	const struct filter_wish with_guest = {
		.spaces = &other, .n_spaces = 1, .guests = &guest, .n_guests = 1
	};
	struct filter_wish shared = { .spaces = sharing, .n_spaces = 2 };
	struct error err;

	denies.denies = true;
	assert_change(&one, &nothing_allowed,
		      "add element inet kukeon deny { \"kuke-a\" }\n"
		      "add element inet kukeon dropped { \"kuke-a\" }\n");
	denies.allow = first;
	denies.n_allow = 2;
	other = denies;
	other.allow = second;
	assert_change(&nothing_allowed, &changed,
		      "delete element inet kukeon allowed_ports { \"kuke-a\" . 192.0.2.7 . tcp . "
		      "443 }\n"
		      "add element inet kukeon allowed_ports { \"kuke-a\" . 192.0.2.7-192.0.2.9 . "
		      "udp . 1000-2000 }\n");
	assert_change(&changed, &changed, "");
	assert_change(&changed, &with_guest,
		      "add element inet kukeon dropped { \"kuke-b\" }\n"
		      "add element inet kukeon guests { \"kuke-b\" . 10.89.0.9 }\n");
	assert_change(
		&changed, &one,
		"delete element inet kukeon deny { \"kuke-a\" }\n"
		"delete element inet kukeon dropped { \"kuke-a\" }\n"
		"delete element inet kukeon allowed { \"kuke-a\" . 10.20.0.0-10.20.255.255 }\n"
		"delete element inet kukeon allowed_ports { \"kuke-a\" . 192.0.2.7-192.0.2.9 . "
		"udp . 1000-2000 }\n");
	sharing[1].key = TEXT("r/b");
	sharing[1].denies = true;
	assert_int_equal(filter_check(&shared, &err), 0);
	assert_null(sharing[0].problem);
	assert_non_null(strstr(sharing[1].problem, "which space r/a has too"));
	free(sharing[1].problem);
}

/* What has an address of IPv6 has sets of its own. */
static void test_dual_stack(void **state UNUSED)
{
	struct filter_allow allowed[] = {
		allow("fd00::", "fd00::ffff", ALLOW_ALL, 0, 0),
		allow("2001:db8::7", "2001:db8::7", ALLOW_TCP, 443, 443),
	};
	struct filter_guest guest = { TEXT("kuke-b"), TEXT("fd01::9") };
	struct filter_port ports[] = {
		{ .host_port = 8080, .ip = TEXT("fd00::5"), .port = 80, .bridge = TEXT("kuke-a") },
		{ .udp = true,
		  .host_ip = TEXT("2001:db8::1"),
		  .host_port = 53,
		  .ip = TEXT("fd00::5"),
		  .port = 53,
		  .bridge = TEXT("kuke-a") },
	};
	struct filter_space dual = a;
	struct filter_wish wish = { .spaces = &dual,
				    .n_spaces = 1,
				    .ports = ports,
				    .n_ports = 2,
				    .guests = &guest,
				    .n_guests = 1 };
	struct error err;

	dual.subnet6 = TEXT("fd00::/64");
	dual.denies = true;
	dual.allow = allowed;
	dual.n_allow = 2;
	assert_change(
		&one, &wish,
		"add element inet kukeon deny { \"kuke-a\" }\n"
		"add element inet kukeon dropped { \"kuke-a\", \"kuke-b\" }\n"
		"add element inet kukeon ranges6 { \"kuke-a\" . fd00::/64 }\n"
		"add element inet kukeon guests6 { \"kuke-b\" . fd01::9 }\n"
		"add element inet kukeon allowed6 { \"kuke-a\" . fd00::-fd00::ffff }\n"
		"add element inet kukeon allowed_ports6 { \"kuke-a\" . 2001:db8::7 . tcp . 443 "
		"}\n"
		"add element inet kukeon ports6 { tcp . 8080 : fd00::5 . 80 }\n"
		"add element inet kukeon ports_at6 { 2001:db8::1 . udp . 53 : fd00::5 . 53 "
		"}\n");
	assert_int_equal(filter_check(&wish, &err), 0);
	assert_null(dual.problem);
	ports[1].host_ip = TEXT("192.0.2.1");
	assert_int_equal(filter_check(&wish, &err), -EINVAL);
}

/* A hand in the conflists gave two spaces one bridge: it stays while one of them is left. */
static void test_shared_bridge(void **state UNUSED)
{
	struct filter_space spaces[] = {
		{ .key = TEXT("r/a"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.0.0/16") },
		{ .key = TEXT("r/b"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.89.0.0/16") },
	};
	const struct filter_wish shared = { .spaces = spaces, .n_spaces = 2 };

	assert_change(&shared, &one,
		      "delete element inet kukeon ranges { \"kuke-a\" . 10.89.0.0/16 }\n");
	assert_change(&one, &shared,
		      "add element inet kukeon ranges { \"kuke-a\" . 10.89.0.0/16 }\n");
}

static void test_whole(void **state UNUSED)
{
	AUTO_FREE char *text = filter_text_whole("kukeon", &two);
	AUTO_FREE char *made = filter_text_change("kukeon", &nothing, &two);

	assert_string_equal(text, made);
	assert_true(str_starts_with(text, "add table inet kukeon\ndelete table inet kukeon\n"
					  "table inet kukeon {\n\tset bridges { type ifname; "
					  "elements = { \"kuke-a\", \"kuke-b\" }; }\n"));
	assert_non_null(strstr(text, "inet_service; }\n")); /* no empty list of elements */
}

/* What stands in a conflist may have been written by anybody; it harms its own space alone. */
static void test_check(void **state UNUSED)
{
	static const char *const bridges[] = {
		"",
		"kuke\" }; flush ruleset; #",
		"kuke*",
		"a b",
		"sixteen-bytes-xx",
		"a\nb",
		"../x",
		"..",
	};
	static const char *const ranges[] = { "",
					      "10.88.0.0/16 }; flush ruleset",
					      "10.88.0.1/16",
					      "10.88.0.0/33",
					      "fd00::/64",
					      "10.88.0.0" };
	struct filter_space spaces[] = {
		{ .key = TEXT("r/a"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.0.0/16") },
		{ .key = TEXT("r/c"), .bridge = TEXT("kuke-c"), .subnet = TEXT("10.90.0.0/16") }
	};
	struct filter_wish wish = { .spaces = spaces, .n_spaces = 2 };
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(bridges) + ARRAY_SIZE(ranges); i++) {
		bool bridge = i < ARRAY_SIZE(bridges);

		spaces[1].bridge = bridge ? (char *)bridges[i] : TEXT("kuke-c");
		spaces[1].subnet =
			bridge ? TEXT("10.90.0.0/16") : (char *)ranges[i - ARRAY_SIZE(bridges)];
		assert_int_equal(filter_check(&wish, &err), 0);
		assert_null(spaces[0].problem);
		assert_non_null(spaces[1].problem);
		assert_non_null(strstr(spaces[1].problem, "space r/c"));
		assert_same_table(&one, &wish);
		assert_change(&one, &wish, "");
		assert_change(&wish, &one, "");
		free(spaces[1].problem);
		spaces[1].problem = NULL;
	}
}

/* Two ranges of one bridge that overlap, which the kernel would refuse with all the rest. */
static void test_check_overlap(void **state UNUSED)
{
	struct filter_space spaces[] = {
		{ .key = TEXT("r/a"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.0.0/16") },
		{ .key = TEXT("r/b"), .bridge = TEXT("kuke-b"), .subnet = TEXT("10.88.0.0/16") },
		{ .key = TEXT("r/c"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.7.0/24") },
	};
	struct filter_wish wish = { .spaces = spaces, .n_spaces = 3 };
	struct error err;

	assert_int_equal(filter_check(&wish, &err), 0);
	assert_null(spaces[0].problem);
	assert_null(spaces[1].problem);
	assert_non_null(spaces[2].problem);
	assert_non_null(strstr(spaces[2].problem, "space r/a"));
	free(spaces[2].problem);
}

/* It comes in when it is put right, though its words are the same. */
static void test_check_healed(void **state UNUSED)
{
	struct filter_space refused[] = {
		{ .key = TEXT("r/a"), .bridge = TEXT("kuke-a"), .subnet = TEXT("10.88.0.0/16") },
		{ .key = TEXT("r/b"),
		  .bridge = TEXT("kuke-b"),
		  .subnet = TEXT("10.89.0.0/16"),
		  .problem = TEXT("overlaps") },
	};
	const struct filter_wish before = { .spaces = refused, .n_spaces = 2 };

	assert_change(&before, &two,
		      "add element inet kukeon bridges { \"kuke-b\" }\n"
		      "add element inet kukeon inside { \"kuke-b\" . \"kuke-b\" }\n"
		      "add element inet kukeon ranges { \"kuke-b\" . 10.89.0.0/16 }\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference),    cmocka_unit_test(test_policy),
		cmocka_unit_test(test_dual_stack),    cmocka_unit_test(test_shared_bridge),
		cmocka_unit_test(test_whole),         cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_overlap), cmocka_unit_test(test_check_healed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

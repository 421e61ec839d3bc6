/* SPDX-License-Identifier: Apache-2.0 */
/* The packet filter's text: the whole, the difference, and what may not stand in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "drivers/cni/filter_text.h"

/* A string that is no constant. */
#define TEXT(s) ((char[]){ s })

static struct filter_space a = { TEXT("r/a"), TEXT("kuke-a"), TEXT("10.88.0.0/16") };
static struct filter_space both[] = { { TEXT("r/a"), TEXT("kuke-a"), TEXT("10.88.0.0/16") },
				      { TEXT("r/b"), TEXT("kuke-b"), TEXT("10.89.0.0/16") } };
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
static const struct filter_wish with_port = { &a, 1, web, 1 };
static const struct filter_wish moved = { &a, 1, web_moved, 2 };

static void assert_change(const struct filter_wish *from, const struct filter_wish *to,
			  const char *expected)
{
	AUTO_FREE char *text = filter_text_change("kukeon", from, to);

	assert_string_equal(text, expected);
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

/* A hand in the conflists gave two spaces one bridge: it stays while one of them is left. */
static void test_shared_bridge(void **state UNUSED)
{
	struct filter_space spaces[] = {
		{ TEXT("r/a"), TEXT("kuke-a"), TEXT("10.88.0.0/16") },
		{ TEXT("r/b"), TEXT("kuke-a"), TEXT("10.89.0.0/16") },
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

/* What stands in a conflist may have been written by anybody. */
static void test_check(void **state UNUSED)
{
	static const char *const bad[] = { "",    "kuke\" }; flush ruleset; #", "kuke*",
					   "a b", "sixteen-bytes-xx",           "a\nb" };
	struct filter_space space = { TEXT("r/a"), TEXT("kuke-a"), TEXT("10.88.0.0/16") };
	struct filter_wish wish = { .spaces = &space, .n_spaces = 1 };
	struct error err;

	assert_int_equal(filter_text_check(&moved, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		space.bridge = (char *)bad[i];
		assert_int_equal(filter_text_check(&wish, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "space r/a"));
	}
	space.bridge = TEXT("kuke-a");
	space.subnet = TEXT("10.88.0.0/16 }; flush ruleset");
	assert_int_equal(filter_text_check(&wish, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_shared_bridge),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

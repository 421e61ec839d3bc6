/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/neighbours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"

static void in_words(const struct taken_subnets *taken, struct buf *ret)
{
	char text[SUBNET_TEXT_BYTES];

	buf_add_str(ret, "");
	for (size_t i = 0; i < taken->n; i++)
		buf_printf(ret, "%s%s: %s", i ? "; " : "",
			   subnet_format(&taken->items[i].subnet, text), taken->items[i].owner);
}

static void test_docker(void **state UNUSED)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{\"bip\": \"10.88.0.1/16\"}", "10.88.0.0/16: Docker's bridge (d.json)" },
		{ "{\"default-address-pools\": [{\"base\": \"10.88.0.0/14\", \"size\": 24}, 7]}",
		  "10.88.0.0/14: a pool of Docker's (d.json)" },
		{ "{\"bip\": 3, \"default-address-pools\": {}}", "" },
		{ "{\"bip\": \"10.88.0.1\"}", "" },
		{ "[", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(taken_subnets_fini) struct taken_subnets taken = { 0 };
		AUTO_BUF struct buf words = { 0 };

		neighbours_read_docker("d.json", rows[i].text, strlen(rows[i].text), &taken);
		in_words(&taken, &words);
		assert_string_equal(words.data, rows[i].want);
	}
}

static void test_netavark(void **state UNUSED)
{
	static const char podman[] = "{\"name\": \"podman\", \"subnets\": [{\"subnet\": "
				     "\"10.88.0.0/16\", \"gateway\": \"10.88.0.1\"}]}";
	AUTO(taken_subnets_fini) struct taken_subnets taken = { 0 };
	AUTO_BUF struct buf words = { 0 };

	assert_true(neighbours_read_netavark("p.json", podman, strlen(podman), &taken));
	assert_false(neighbours_read_netavark("x", "{\"name\": \"other\"}", 17, &taken));
	assert_false(neighbours_read_netavark("x", "nothing", 7, &taken));
	in_words(&taken, &words);
	assert_string_equal(words.data, "10.88.0.0/16: podman's network podman (p.json)");
}

static void test_default_subnet(void **state UNUSED)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "[network]\ndefault_subnet = \"10.89.0.0/16\"\n", "10.89.0.0/16" },
		{ "[network]\n  default_subnet='10.90.0.0/16'", "10.90.0.0/16" },
		{ "[network]\n#default_subnet = \"10.89.0.0/16\"\n", NULL },
		{ "[network]\ndefault_subnet_pools = [\"10.89.0.0/16\"]\n", NULL },
		{ "[engine]\ndefault_subnet = \"10.89.0.0/16\"\n", NULL },
		{ "[network]\ndefault_subnet = \"10.89.0.0/16\n", NULL },
		{ "[network]\ndefault_subnet", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *found = neighbours_read_default_subnet(rows[i].text);

		if (!str_equal(found, rows[i].want))
			fail_msg("row %zu: got %s", i, found ? found : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_netavark),
		cmocka_unit_test(test_default_subnet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

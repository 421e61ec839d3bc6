/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/switches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_files(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool off;
	} rows[] = {
		{ "", false },
		{ "net.ipv4.ip_forward=0", true },
		{ "net.ipv4.ip_forward = 0\n", true },
		{ "  net/ipv4/ip_forward\t=\t0\n", true },
		{ "-net.ipv4.ip_forward=0\n", true },
		{ "net.ipv4.ip_forward=1\n", false },
		{ "net.ipv4.ip_forward=0\nnet.ipv4.ip_forward=1\n", false }, /* the last counts */
		{ "net.ipv4.ip_forward=1\n\n# no\nnet.ipv4.ip_forward=0", true },
		{ "# net.ipv4.ip_forward=0\n", false },
		{ "; net.ipv4.ip_forward=0\n", false },
		{ "net.ipv4.ip_forward_update_priority=0\n", false },
		{ "net.ipv4.ip_forward 0\n", false },
		{ "net.ipv4.ip_forward=\n", false },
		{ "=0\n\n=", false },
		{ "net.ipv4.ip_forward", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (switches_text_turns_off(rows[i].text, "net.ipv4.ip_forward") != rows[i].off)
			fail_msg("row %zu: \"%s\"", i, rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

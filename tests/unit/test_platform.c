/* SPDX-License-Identifier: Apache-2.0 */
/* Which of an index's images a host takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/registry/platform.h"

/* "linux/arm/v7" */
static struct platform parse(const char *text, char buffer[64])
{
	struct platform platform = { .os = "", .architecture = "", .variant = "" };
	char *rest = buffer;

	snprintf(buffer, 64, "%s", text);
	platform.os = strsep(&rest, "/");
	platform.architecture = rest ? strsep(&rest, "/") : "";
	platform.variant = rest ? rest : "";
	return platform;
}

/* What runs on a host, the best first; then what does not. */
static void test_order(void **state UNUSED)
{
	static const struct {
		const char *host, *fit[8], *unfit[8];
	} rows[] = {
		{ "linux/amd64/v3",
		  { "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386" },
		  { "linux/amd64/v4", "linux/arm64", "windows/amd64", "linux/amd64/x",
		    "unknown/unknown", "/" } },
		{ "linux/amd64", { "linux/amd64/v1", "linux/386" }, { "linux/amd64/v2" } },
		{ "linux/arm64/v8",
		  { "linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5" },
		  { "linux/arm64/v9", "linux/amd64" } },
		{ "linux/arm/v7",
		  { "linux/arm", "linux/arm/v6", "linux/arm/v5" },
		  { "linux/arm/v8", "linux/arm64" } },
		{ "linux/arm/v6",
		  { "linux/arm/v6", "linux/arm/v5" },
		  { "linux/arm", "linux/arm/v7" } },
		{ "linux/riscv64", { "linux/riscv64" }, { "linux/386" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char host_text[64], text[64];
		const struct platform host = parse(rows[i].host, host_text);
		int last = -1;

		for (size_t j = 0; j < ARRAY_SIZE(rows[i].fit) && rows[i].fit[j]; j++) {
			const struct platform image = parse(rows[i].fit[j], text);
			int rank = platform_rank(&host, &image);

			if (rank <= last)
				fail_msg("%s on %s: %d behind %d", rows[i].fit[j], rows[i].host,
					 rank, last);
			last = rank;
		}
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].unfit) && rows[i].unfit[j]; j++) {
			const struct platform image = parse(rows[i].unfit[j], text);

			if (platform_rank(&host, &image) != PLATFORM_UNFIT)
				fail_msg("%s runs on %s", rows[i].unfit[j], rows[i].host);
		}
	}
}

static void test_equal(void **state UNUSED)
{
	const struct platform host = { "linux", "amd64", "" };
	const struct platform plain = { "linux", "amd64", "" }, first = { "linux", "amd64", "v1" };
	const struct platform arm = { "linux", "arm64", "v8" }, bare = { "linux", "arm64", "" };

	assert_int_equal(platform_rank(&host, &plain), 0);
	assert_int_equal(platform_rank(&host, &first), 0);
	assert_int_equal(platform_rank(&arm, &bare), 0);
}

static void test_here(void **state UNUSED)
{
	struct platform host = platform_of_host();

	assert_string_equal(host.os, "linux");
	assert_int_equal(platform_rank(&host, &host), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/platform.h"

#include <sys/utsname.h>

#include "core/base/str.h"

enum { LEVEL_NONE = -1 };

/* ---- this host ---- */

#ifdef __x86_64__
#define HAS __builtin_cpu_supports

/* The levels of the psABI for x86-64, by what tells each from the one before it. */
static const char *amd64_level(void)
{
	__builtin_cpu_init();
	if (!HAS("ssse3") || !HAS("sse4.2") || !HAS("popcnt"))
		return "";
	if (!HAS("avx2") || !HAS("bmi") || !HAS("bmi2") || !HAS("fma"))
		return "v2";
	if (!HAS("avx512f") || !HAS("avx512bw") || !HAS("avx512cd") || !HAS("avx512dq") ||
	    !HAS("avx512vl"))
		return "v3";
	return "v4";
}
#else
static const char *amd64_level(void)
{
	return "";
}
#endif

struct platform platform_of_host(void)
{
	static const struct {
		const char *machine, *architecture, *variant;
	} machines[] = {
		{ "x86_64", "amd64", "" },    { "aarch64", "arm64", "v8" },
		{ "armv8l", "arm", "v8" },    { "armv7l", "arm", "v7" },
		{ "armv6l", "arm", "v6" },    { "armv5tel", "arm", "v5" },
		{ "i686", "386", "" },        { "i386", "386", "" },
		{ "ppc64le", "ppc64le", "" }, { "s390x", "s390x", "" },
		{ "riscv64", "riscv64", "" }, { "loongarch64", "loong64", "" },
	};
	struct platform host = { .os = "linux", .architecture = "", .variant = "" };
	struct utsname name;

	check(uname(&name) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (str_equal(machines[i].machine, name.machine)) {
			host.architecture = machines[i].architecture;
			host.variant = machines[i].variant;
		}
	}
	if (str_equal(host.architecture, "amd64"))
		host.variant = amd64_level();
	return host;
}

/* ---- order ---- */

/* "v7" is 7; "" is what the architecture means without. */
static int level_of(const struct platform *platform)
{
	const char *variant = platform->variant;

	if (str_empty(variant)) {
		if (str_equal(platform->architecture, "arm64"))
			return 8;
		return str_equal(platform->architecture, "arm") ? 7 : 1;
	}
	if (variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' && !variant[2])
		return variant[1] - '0';
	return LEVEL_NONE;
}

/* Of the same architecture: the highest that the host has is the best. */
static int rank_level(int host, int image)
{
	return image == LEVEL_NONE || image > host ? PLATFORM_UNFIT : host - image;
}

/* An architecture that the host's CPU runs besides its own, and up to which level. */
static bool runs_too(const struct platform *host, const struct platform *image, int *ret_level)
{
	if (str_equal(host->architecture, "amd64") && str_equal(image->architecture, "386")) {
		*ret_level = 1;
		return true;
	}
	*ret_level = 8;
	return str_equal(host->architecture, "arm64") && str_equal(image->architecture, "arm");
}

int platform_rank(const struct platform *host, const struct platform *image)
{
	int level, rank;

	if (!str_equal(host->os, image->os))
		return PLATFORM_UNFIT;
	if (str_equal(host->architecture, image->architecture))
		return rank_level(level_of(host), level_of(image));
	if (!runs_too(host, image, &level))
		return PLATFORM_UNFIT;
	rank = rank_level(level, level_of(image));
	return rank == PLATFORM_UNFIT ? PLATFORM_UNFIT : 10 + rank;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Packet filters of many spaces, and what they cost, for programs that test them. To be embedded.
 */
#pragma once

#include "tests/e2e/network_fixture.h"

/* What we and the kernel for us have worked: a loaded machine changes it little. */
static inline double worked_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static inline void wish_spaces(struct filter_wish *wish, size_t n)
{
	*wish = (struct filter_wish){ .spaces = xcalloc(n, sizeof(*wish->spaces)), .n_spaces = n };
	for (size_t i = 0; i < n; i++)
		wish->spaces[i] = (struct filter_space){
			.key = xasprintf("r/s%zu", i),
			.bridge = xasprintf("kuke-s%zu", i),
			.subnet = xasprintf("10.%zu.%zu.0/24", 100 + i / 256, i % 256),
		};
}

/* Returns what it cost. */
static inline double apply_spaces(struct fixture *f, size_t n)
{
	struct filter_wish wish;
	double start;

	wish_spaces(&wish, n);
	start = worked_ms();
	apply(f, &wish);
	start = worked_ms() - start;
	filter_wish_fini(&wish);
	return start;
}

static inline int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static inline double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

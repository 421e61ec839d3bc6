/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of growth: the same figure at few, many and most objects, by the processor's time. */
#pragma once

#include <stdint.h>
#include <time.h>

enum { FEW = 10, MANY = 1000, MOST = 10 * 1000 };

/* A sanitizer's memory costs more the more there is: growth is not judged under one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1, MOST_PLAYED = MANY };
#else
enum { IS_SANITIZED = 0, MOST_PLAYED = MOST };
#endif

/* Of this thread. */
static inline uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

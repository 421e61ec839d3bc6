/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the bench share. It runs in a test host of its own, so whatever fails ends it,
 * with words. */
#pragma once

#include <pthread.h>

#include "core/base/error.h"

/* What every container runs: waits, and ends at once when it is asked to. No quote of either kind
 * but these. */
#define BENCH_WORKLOAD "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"

_Noreturn void bench_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);
void bench_pause_ms(unsigned ms);

pthread_t bench_thread(void *(*fn)(void *), void *ctx);

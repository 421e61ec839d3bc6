/* SPDX-License-Identifier: Apache-2.0 */
/* What a process costs while nothing happens, from /proc. */
#pragma once

#include <sys/types.h>

#include "core/base/util.h"

struct idle {
	uint64_t our_wakeups; /* context switches of threads that are not gRPC's own */
	uint64_t grpc_wakeups;
	double cpu_ms; /* of all threads */
	unsigned n_threads;
	double rss_mb, pss_mb; /* 10^6 bytes, at the end */
};

struct idle idle_measure(pid_t pid, unsigned seconds);

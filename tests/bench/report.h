/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of docs/benchmarks.md, and what is asked of the figures in them. */
#pragma once

#include "tests/bench/idle.h"
#include "tests/bench/stats.h"

struct comparison {
	const char *what;
	double max_ratio;    /* asked of the medians; 0: nothing */
	double max_share_ms; /* of the difference of the medians; 0: nothing */
	struct samples floor, daemon;
};

struct idle_row {
	unsigned n_cells;
	bool judged; /* the targets are for this one */
	struct idle idle;
};

struct crash_row {
	const char *what;
	unsigned seconds;
	bool judged; /* the target is for this one */
	uint32_t restarts;
	double cpu_ms;
};

/* Something that goes on within a time that was measured too. */
struct part {
	const char *what;
	struct samples samples;
};

/* Each next to the median of @whole, named @of. */
void report_parts(const char *of, const struct samples *whole, const struct part *parts, size_t n);
void report_comparisons(const struct comparison *items, size_t n);
void report_idle(const struct idle_row *rows, size_t n, unsigned seconds);
void report_crashes(const struct crash_row *rows, size_t n);

/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of one measure and their quartiles. */
#pragma once

#include "core/base/util.h"

enum { SAMPLES_MAX = 256 };

/* A zeroed struct is empty. */
struct samples {
	double values[SAMPLES_MAX];
	size_t n;
};

struct quartiles {
	double low, median, high;
};

void samples_add(struct samples *samples, double value);

/* At least one sample. */
struct quartiles samples_quartiles(const struct samples *samples);

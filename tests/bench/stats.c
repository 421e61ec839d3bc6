/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/stats.h"

void samples_add(struct samples *samples, double value)
{
	check(samples->n < SAMPLES_MAX);
	samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Between the two nearest, as their distance says. */
static double at(const struct samples *sorted, double part)
{
	double position = part * (double)(sorted->n - 1);
	size_t i = (size_t)position;
	double rest = position - (double)i;

	return i + 1 < sorted->n ? sorted->values[i] * (1 - rest) + sorted->values[i + 1] * rest
				 : sorted->values[i];
}

struct quartiles samples_quartiles(const struct samples *samples)
{
	struct samples sorted = *samples;

	check(samples->n > 0);
	qsort(sorted.values, sorted.n, sizeof(sorted.values[0]), compare);
	return (struct quartiles){ at(&sorted, 0.25), at(&sorted, 0.5), at(&sorted, 0.75) };
}

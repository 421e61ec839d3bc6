/* SPDX-License-Identifier: Apache-2.0 */
/* What containers that end at once, again and again, cost the daemon. */
#pragma once

#include <sys/types.h>

#include "tests/bench/subject.h"

struct crash_options {
	struct subject *subject;
	const char *image;
	pid_t pid;        /* of the daemon */
	unsigned seconds; /* each is measured for this long; those whose pauses grow twice more */
};

/* Prints the table. */
void crash_measure(const struct crash_options *options);

/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of whether packets of a space come through the host (core/passage/passage.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct space_passage {
	char *suspected; /* what was lost when it was asked last, if that is not told yet */
	uint64_t at;     /* struct passage.changes then */
	unsigned losses; /* in a row */
	bool asked;      /* at all */
	/* Told, of struct traffic_space: */
	char *blocked, *remedy, *shut, *shut_remedy;
};

void space_passage_fini(struct space_passage *passage);

/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between tries, each twice as long as the one before it, up to the last. Pure. */
#pragma once

#include <stdint.h>

struct backoff {
	uint64_t first_ms, last_ms;
};

/* The pause behind @before others. */
static inline uint64_t backoff_ms(const struct backoff *backoff, unsigned before)
{
	uint64_t pause_ms = backoff->first_ms;

	while (before-- && pause_ms < backoff->last_ms)
		pause_ms *= 2;
	return pause_ms < backoff->last_ms ? pause_ms : backoff->last_ms;
}

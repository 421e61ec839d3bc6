/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock, for people and for what outlives the process; never for how long something took.
 * Milliseconds since 1970, 0: none. */
#pragma once

#include <stdint.h>

int64_t wall_now_ms(void);

/* "2026-03-01T12:00:00.123Z"; NULL for 0. Free with free(). */
char *wall_text(int64_t wall_ms);

/* The time back from such a string, 0 when it is none. */
int64_t wall_parse(const char *text);

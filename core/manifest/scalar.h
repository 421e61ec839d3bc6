/* SPDX-License-Identifier: Apache-2.0 */
/* What a scalar without quotes means. Ours is the core of YAML 1.2: null, true, false, decimal
 * numbers, else text. */
#pragma once

#include <stdint.h>

#include "core/base/util.h"

/* "", ~, null */
bool scalar_is_null(const char *text);

/* Booleans of YAML 1.1 (yes, off, TRUE, ...) that are none here. */
bool scalar_is_old_boolean(const char *text);

/* Whether @text without quotes reads back as text everywhere, also in YAML 1.1. */
bool scalar_is_text(const char *text);

enum scalar_number {
	SCALAR_NUMBER_OK,
	SCALAR_NUMBER_NONE,
	SCALAR_NUMBER_LEADING_ZERO,
	SCALAR_NUMBER_RANGE
};

/* A decimal number with an optional '-' from @min to @max. A negative value comes as its two's
 * complement. */
enum scalar_number scalar_parse_number(const char *text, int64_t min, uint64_t max,
				       uint64_t *ret_value);

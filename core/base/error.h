/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, in words a person can act on.
 *
 * Functions return 0 or -errno; the words travel in a caller-owned struct error. The origin calls
 * error_set(), each object boundary on the way up adds its name with error_wrap() ("cell web:
 * attach network: ..."). Every function accepts a NULL error. A struct error needs no cleanup.
 */
#pragma once

#include <stdbool.h>

#include "core/base/util.h"

enum { ERROR_MSG_MAX_BYTES = 1024 };

struct error {
	int code; /* -errno */
	char msg[ERROR_MSG_MAX_BYTES];
};

/* Sets the message, of which a long one is cut in its middle; returns @code, so that "return
 * error_set(err, -EINVAL, ...)" reads well. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "<fmt>: " in front of the message and returns @code. */
int error_wrap(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Whether the same act may succeed later without anybody changing anything. The only judge of
 * retries. */
bool error_is_transient(int code);

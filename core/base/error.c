/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	return code;
}

int error_wrap(struct error *err, int code, const char *fmt, ...)
{
	char inner[ERROR_MSG_MAX_BYTES / 2]; /* what the origin said keeps at least half the room */
	va_list args;
	int len;

	if (!err)
		return code;
	snprintf(inner, sizeof(inner), "%.*s", (int)sizeof(inner) - 1, err->msg);
	err->code = code;
	va_start(args, fmt);
	len = vsnprintf(err->msg, sizeof(err->msg) - sizeof(inner) - 2, fmt, args);
	va_end(args);
	len = (int)strnlen(err->msg, len < 0 ? 0 : sizeof(err->msg) - sizeof(inner) - 3);
	snprintf(err->msg + len, sizeof(err->msg) - (size_t)len, ": %s", inner);
	return code;
}

bool error_is_transient(int code)
{
	switch (-code) {
	case EAGAIN:
	case EBUSY:
	case EINTR:
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENOMEM:
	case ENOSPC:
	case EMFILE:
	case ENFILE:
	case ECANCELED:
	case EREMOTEIO: /* core/base/aside.h: it will answer, or be taken away */
		return true;
	default:
		return false;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>

#include "core/base/str.h"

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, fmt);
	str_vprint(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	return code;
}

int error_wrap(struct error *err, int code, const char *fmt, ...)
{
	/* what the origin said keeps at least half the room */
	char outer[ERROR_MSG_MAX_BYTES / 2], inner[ERROR_MSG_MAX_BYTES];
	va_list args;
	size_t len;

	if (!err)
		return code;
	err->code = code;
	va_start(args, fmt);
	str_vprint(outer, sizeof(outer) - strlen(": "), fmt, args);
	va_end(args);
	len = strlen(outer);
	memcpy(outer + len, ": ", strlen(": ") + 1);
	len += strlen(": ");
	str_fit(inner, sizeof(inner) - len, err->msg);
	memcpy(err->msg, outer, len);
	memcpy(err->msg + len, inner, strlen(inner) + 1);
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
	case EREMOTEIO: /* core/aside/aside.h: it will answer, or be taken away */
		return true;
	default:
		return false;
	}
}

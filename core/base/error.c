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
	char context[ERROR_MSG_MAX_BYTES];
	char inner[ERROR_MSG_MAX_BYTES];
	va_list args;
	size_t room;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(inner, err->msg, sizeof(inner));
	err->code = code;
	room = sizeof(err->msg) - 1;
	snprintf(err->msg, sizeof(err->msg), "%.*s: %.*s", (int)room / 2, context, (int)room / 2, inner);
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
		return true;
	default:
		return false;
	}
}

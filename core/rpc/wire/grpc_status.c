/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/grpc_status.h"

#include <errno.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

static const struct {
	grpc_status_code status;
	int code;
} statuses[] = {
	{ GRPC_STATUS_OK, 0 },
	{ GRPC_STATUS_NOT_FOUND, -ENOENT },
	{ GRPC_STATUS_ALREADY_EXISTS, -EEXIST },
	{ GRPC_STATUS_FAILED_PRECONDITION, -EBUSY },
	{ GRPC_STATUS_INVALID_ARGUMENT, -EINVAL },
	{ GRPC_STATUS_UNIMPLEMENTED, -ENOSYS },
	{ GRPC_STATUS_UNAVAILABLE, -ECONNREFUSED },
	{ GRPC_STATUS_DEADLINE_EXCEEDED, -ETIMEDOUT },
	{ GRPC_STATUS_CANCELLED, -ECANCELED },
	{ GRPC_STATUS_RESOURCE_EXHAUSTED, -ENOSPC },
	{ GRPC_STATUS_PERMISSION_DENIED, -EACCES },
	{ GRPC_STATUS_UNAUTHENTICATED, -EPERM },
};

int rpc_status_to_errno(grpc_status_code status)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].code;
	return -EIO;
}

grpc_status_code rpc_status_from_errno(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return GRPC_STATUS_INTERNAL;
}

/* The text goes to terminals and logs; an error report may well have several lines. */
static bool is_printable(char c)
{
	return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
}

int rpc_status_error(grpc_status_code status, grpc_slice details, const char *target,
		     struct error *err)
{
	int code = rpc_status_to_errno(status);
	char *text;

	if (code == 0)
		return 0;
	text = grpc_slice_to_c_string(details);
	for (char *c = text; *c; c++)
		if (!is_printable(*c))
			*c = '?';
	error_set(err, code, "%s", text[0] ? text : strerror(-code));
	gpr_free(text);
	if (status == GRPC_STATUS_UNAVAILABLE)
		error_wrap(err, code, "%s", target);
	return code;
}

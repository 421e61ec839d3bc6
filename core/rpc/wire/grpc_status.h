/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC status codes as errno values and back: the one table, for daemon, containerd client and
 * kuke.
 */
#pragma once

#include <grpc/grpc.h>

#include "core/base/error.h"

/* 0 or -errno; what has no errno of its own is -EIO. */
int rpc_status_to_errno(grpc_status_code status);

/* @code 0 or -errno; what has no status of its own is INTERNAL. */
grpc_status_code rpc_status_from_errno(int code);

/*
 * Turns the end of a call into 0 or -errno with the peer's text. @details are the peer's: cut to
 * the size of an error, control characters replaced. When the peer could not be reached the text
 * begins with @target.
 */
int rpc_status_error(grpc_status_code status, grpc_slice details, const char *target,
		     struct error *err);

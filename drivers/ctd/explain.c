/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/base/str.h"
#include "drivers/ctd/client.h"

/*
 * containerd reports what its shims and the kernel say as UNKNOWN, with the truth in the text only.
 * Those of them that pass by themselves must be told from those that need a changed spec.
 */
static int unknown_to_errno(const char *text)
{
	static const struct {
		const char *part;
		int code;
	} known[] = {
		{ "cannot delete a running process", -EBUSY },
		{ "ttrpc: closed", -EAGAIN }, /* the shim went away under the call */
		{ "context canceled", -EAGAIN },
		{ "context deadline exceeded", -ETIMEDOUT },
		{ "transport is closing", -EAGAIN },
		{ "no space left on device", -ENOSPC },
		{ "resource temporarily unavailable", -EAGAIN },
		{ "cannot allocate memory", -ENOMEM },
		{ "too many open files", -EMFILE },
		{ "device or resource busy", -EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(text, known[i].part))
			return known[i].code;
	return -EIO;
}

/*
 * What containerd, its shim and runc put around the words that matter. Each layer wraps those below
 * it, so they come in this order.
 */
static const char *unwrap(const char *text)
{
	static const char *const wrappings[] = {
		"failed to create shim task: ",
		"failed to create task: ",
		"failed to start task: ",
		"OCI runtime create failed: ",
		"OCI runtime start failed: ",
		"OCI runtime exec failed: ",
		"exec failed: ",
		"runc create failed: ",
		"runc start failed: ",
		"unable to start container process: ",
		"error during container init: ",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrappings); i++)
		if (str_starts_with(text, wrappings[i]))
			text += strlen(wrappings[i]);
	return text;
}

/* gRPC's name for an error without a code of its own. */
static int length_without_code(const char *text)
{
	static const char code[] = ": unknown";
	size_t len = strlen(text), n = sizeof(code) - 1;

	return (int)(len > n && str_equal(text + len - n, code) ? len - n : len);
}

int client_explain(const struct client_attempt *attempt, int status, const char *peer_text,
		   struct error *err)
{
	const char *text = str_empty(peer_text) ? strerror(-status) : peer_text;
	int code = status == -EIO ? unknown_to_errno(text) : status;

	switch (code) {
	case -ECONNREFUSED:
		error_set(err, code, "containerd does not answer on %s: check that it runs: %s",
			  attempt->socket, text);
		break;
	case -ECANCELED:
		error_set(err, code, "%s: given up, kukeond is stopping", attempt->step);
		break;
	case -ETIMEDOUT:
		error_set(
			err, code,
			"%s: no answer from containerd within %llu s: check that it is not stuck: %s",
			attempt->step, (unsigned long long)attempt->timeout_ms / 1000, text);
		break;
	case -ENOSYS:
		error_set(err, code, "%s: this containerd is too old, 1.6 or later is needed: %s",
			  attempt->step, text);
		break;
	case -EACCES:
	case -EPERM:
		error_set(err, code, "%s: containerd refuses: check who may use %s: %s",
			  attempt->step, attempt->socket, text);
		break;
	default:
		text = unwrap(text);
		error_set(err, code, "%s: %.*s", attempt->step, length_without_code(text), text);
	}
	if (!attempt->namespace_)
		return error_wrap(err, code, "%s", attempt->object);
	return error_wrap(err, code, "%s in containerd namespace %s", attempt->object,
			  attempt->namespace_);
}

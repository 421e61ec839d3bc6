/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an answer, and to a registry: nothing secret is ever in the former. Pure. */
#pragma once

#include "core/registry/answer.h"
#include "drivers/registry/endpoint.h"
#include "drivers/registry/registry.h"

/* "Authorization: Basic ..." */
void words_add_basic(const struct secret *secret, struct buf *header);

/* A registry's own words, unless it says back what it was shown: @token may be NULL. */
void words_add_answer(const char *body, size_t len, const struct secret *secret, const char *token,
		      struct buf *out);

/* An answer that is not well, in words with what to do. Returns -errno, sets the fault. */
struct words_of {
	const struct endpoint *endpoint;
	const char *realm, *what; /* "nginx:1", "the blob sha256:..." */
	enum answer answer;
	long code;
	const char *said; /* by the registry; NULL: nothing */
};
int words_of_answer(const struct words_of *words, enum image_fault *ret_fault, struct error *err);

/* The fault of a request that no answer came to. */
enum image_fault words_fault_of(int status);

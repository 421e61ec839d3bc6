/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper's half that reads single values. Internal to core/manifest. */
#pragma once

#include "core/base/buf.h"
#include "core/manifest/mapper.h"
#include "core/manifest/scalar.h"

struct mapper {
	const struct mapper_options *options;
	struct buf path; /* of the field at hand */
	size_t n_errors;
};

/* Whether the next error is told in words. */
bool mapper_has_words(const struct mapper *m);

/* Reports an error at the field at hand. */
void mapper_fail(struct mapper *m, const struct node *node, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same for a value that is a list, a mapping or text where it must not, with what to write
 * instead; @field NULL: of the outermost. */
void mapper_fail_type(struct mapper *m, const struct node *node,
		      const ProtobufCFieldDescriptor *field, bool is_entry, const char *expected);

/* Reads a value into the zeroed storage of a field that is no message; after an error it holds "",
 * 0 or false. */
void mapper_map_scalar(struct mapper *m, const struct node *node,
		       const ProtobufCFieldDescriptor *field, void *storage);

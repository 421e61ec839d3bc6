/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to trees, one document at a time, within bounds.
 *
 * A document that is not valid YAML is reported and skipped up to the next line that begins with
 * "---": such a line begins a document wherever it stands. JSON may stand one object behind the
 * other, and files with byte order marks one behind the other.
 */
#pragma once

#include "core/manifest/tree.h"

/* Of all documents of a file together. What an alias leads to counts as often as it is reached: a
 * tree is walked and copied in full. */
struct reader_bounds {
	size_t nodes, text_bytes;
};

struct reader_handlers {
	/* @document counts from 1. The tree lives until the handler returns. */
	void (*on_document)(void *ctx, unsigned document, const struct node *root);
	/* @line 0: the file as a whole; @document 0: no document in particular. */
	void (*on_error)(void *ctx, unsigned document, unsigned line, unsigned column,
			 const char *message);
	void *ctx;
};

/* False when a part of the file was not looked at, which was reported: a bound was reached. */
bool reader_read(const char *data, size_t len, const struct reader_bounds *bounds,
		 const struct reader_handlers *handlers);

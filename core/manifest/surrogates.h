/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON writes a character beyond U+FFFF as two escapes, "\ud83d\ude80": the halves of a pair in
 * UTF-16. YAML has no such pairs but "\U0001f680". Pure.
 */
#pragma once

#include "core/base/util.h"

/* Where a pair was joined: what follows in its line stands two columns further left than it did. */
struct surrogates_join {
	unsigned line, column; /* behind it, in the new text; from 0 */
};

/* Zeroed: none. In the order of the text. */
struct surrogates {
	struct surrogates_join *joins;
	size_t n;
};

void surrogates_fini(struct surrogates *surrogates);

/*
 * Joins the pairs within double quotes; @line is that of the text's first character, @column its
 * place in that line. What else looks like a pair, in a comment or a block, stays as it is, and so
 * do halves. Returns the new length, which is never larger; adds to @surrogates.
 */
size_t surrogates_join(char *text, size_t len, unsigned line, unsigned column,
		       struct surrogates *surrogates);

/* How many columns were taken from @line in front of @column. */
unsigned surrogates_columns(const struct surrogates *surrogates, unsigned line, unsigned column);

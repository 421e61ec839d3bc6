/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names occur in a text, for a text that nobody could parse. A word is a longest run of
 * letters, digits and dashes. A wrong yes is possible (words are kept as 64-bit hashes), a wrong no
 * is not: where names could be written in another way, every name counts as there.
 */
#pragma once

#include "core/base/util.h"

/* Zeroed: no word. */
struct words {
	bool any; /* every name may be in it */
	uint64_t *hashes;
	size_t n;
};

/* The words of @data. More than WORDS_MAX different ones, NUL bytes (UTF-16) and escapes that can
 * spell a letter (\x, \u, \U, a line's end) make it "any". */
enum { WORDS_MAX = 64 * 1024 };
void words_read(const char *data, size_t len, struct words *ret_words);

/* Nothing is known of the text: it may hold any name. */
void words_set_any(struct words *words);

bool words_may_have(const struct words *words, const char *name);
void words_fini(struct words *words);

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

void words_fini(struct words *words);

/* A name that is looked for in many texts. */
struct words_name {
	uint64_t hash;     /* words_hash() */
	void *ctx;         /* the caller's */
	const void *found; /* the first text that may have it; NULL: none */
};

uint64_t words_hash(const char *name);

/* As words_find() wants them. */
void words_sort_names(struct words_name *names, size_t n);

/* Sets found to @text where it is NULL and @words may have the name; says how many those were.
 * Costs the fewer of words and names, times the logarithm of the others. */
size_t words_find(const struct words *words, struct words_name *names, size_t n, const void *text);

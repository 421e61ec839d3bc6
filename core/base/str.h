/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: comparison, nearest name, lists of strings, digests in hex. */
#pragma once

#include <stdarg.h>

#include "core/base/util.h"

/* NULL counts as "". */
bool str_equal(const char *a, const char *b);
bool str_empty(const char *s);

/* A copy; NULL for "" too. Free with free(). */
char *str_dup_filled(const char *s);

/* Frees *@str and puts such a copy of @value, which may be *@str itself, in its place. */
void str_replace(char **str, const char *value);
bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);

/* What a noun ends in behind @n: "" of one, else "s". */
const char *str_s(uint64_t n);

/* Copies @from with its NUL; false, and @to is untouched: it has no room for it. */
bool str_copy(char *to, size_t size, const char *from);

/*
 * What does not fit into @to is cut in its middle, as "begins … ends" of whole characters: words
 * about something that went wrong begin with where, and end with why. str_vprint() is vsnprintf()
 * otherwise.
 */
void str_fit(char *to, size_t size, const char *from);
void str_vprint(char *to, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/* The name closest to @s by edit distance, NULL when none is close enough to be a slip of the
 * finger. */
const char *str_nearest(const char *s, const char *const *names, size_t n_names);

enum { SHA256_HEX_BYTES = 65 };

/* SHA-256 of @data in lower-case hex with a terminating NUL. */
void sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX_BYTES]);

/* A list of owned strings. A zeroed struct is an empty list. */
struct strv {
	char **items;
	size_t n;
};

void strv_fini(struct strv *strv);
void strv_add(struct strv *strv, const char *s);
bool strv_has(const struct strv *strv, const char *s);

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/str.h"

#include <nettle/sha2.h>
#include <stdio.h>

/* Names longer than this are compared by their beginning; keeps the distance table on the stack. */
enum { NEAREST_MAX_BYTES = 63, SLIPS_MAX = 2 };

enum { CHARACTER_MAX_BYTES = 4 };

bool str_empty(const char *s)
{
	return !s || !*s;
}

bool str_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

const char *str_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

bool str_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

#define CUT " … "

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void str_fit(char *to, size_t size, const char *from)
{
	size_t room = size - 1, head, tail;

	if (str_copy(to, size, from))
		return;
	room = room > strlen(CUT) ? room - strlen(CUT) : 0;
	head = room / 2;
	tail = strlen(from) - (room - head);
	/* No text of that many bytes in a row is a character's. */
	for (int i = 0; i < CHARACTER_MAX_BYTES && head && continues_character(from[head]); i++)
		head--;
	for (int i = 0; i < CHARACTER_MAX_BYTES && continues_character(from[tail]); i++)
		tail++;
	snprintf(to, size, "%.*s" CUT "%s", (int)head, from, from + tail);
}

void str_vprint(char *to, size_t size, const char *fmt, va_list args)
{
	AUTO_FREE char *all = NULL;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(to, size, fmt, args);
	if (len >= 0 && (size_t)len >= size) {
		check(vasprintf(&all, fmt, again) >= 0);
		str_fit(to, size, all);
	}
	va_end(again);
}

char *str_dup_filled(const char *s)
{
	return str_empty(s) ? NULL : xstrdup(s);
}

void str_replace(char **str, const char *value)
{
	char *copy = str_dup_filled(value);

	free(*str);
	*str = copy;
}

bool str_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(s + len - suffix_len, suffix) == 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Letters that are missing, too many, others, or two that have changed places. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX_BYTES + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t a_len = strnlen(a, NEAREST_MAX_BYTES), b_len = strnlen(b, NEAREST_MAX_BYTES);

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;

		before = last;
		last = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], row[j], before[j - 2] + 1);
		}
	}
	return row[b_len];
}

/* A third of the letters may be wrong, of a short word one, and never more than two: what is
 * further away is another word. */
static size_t slips_of(const char *s)
{
	size_t third = strlen(s) / 3;

	return third > SLIPS_MAX ? SLIPS_MAX : third ? third : 1;
}

const char *str_nearest(const char *s, const char *const *names, size_t n_names)
{
	size_t best = slips_of(s) + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n_names; i++) {
		size_t distance = edit_distance(s, names[i]);

		if (distance >= best)
			continue;
		best = distance;
		nearest = names[i];
	}
	return nearest;
}

void sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, len, data);
	sha256_digest(&context, sizeof(digest), digest);
	for (unsigned i = 0; i < sizeof(digest); i++) {
		ret_hex[2 * i] = digits[digest[i] >> 4];
		ret_hex[2 * i + 1] = digits[digest[i] & 15];
	}
	ret_hex[SHA256_HEX_BYTES - 1] = '\0';
}

void strv_fini(struct strv *strv)
{
	for (size_t i = 0; i < strv->n; i++)
		free(strv->items[i]);
	free(strv->items);
	*strv = (struct strv){ 0 };
}

bool strv_has(const struct strv *strv, const char *s)
{
	for (size_t i = 0; i < strv->n; i++)
		if (strcmp(strv->items[i], s) == 0)
			return true;
	return false;
}

void strv_add(struct strv *strv, const char *s)
{
	strv->items = xrealloc(strv->items, (strv->n + 1) * sizeof(*strv->items));
	strv->items[strv->n++] = xstrdup(s);
}

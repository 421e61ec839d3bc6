/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an escape is one depends on where it stands, and only YAML's scanner knows where quotes
 * begin and end. So what looks like a pair becomes harmless escapes of the same length, the scanner
 * is asked, and then each is either joined or put back.
 */
#include "core/manifest/surrogates.h"

#include <limits.h>
#include <stdio.h>
#include <yaml.h>

#include "core/base/text.h"

enum {
	HALF_BYTES = 6, /* \ud83d */
	PAIR_BYTES = 2 * HALF_BYTES,
	JOINED_BYTES = 10, /* \U0001f680 */
};

/* Or half of one, which is always put back. */
struct pair {
	size_t offset;    /* in bytes */
	size_t character; /* the same place in characters, as the scanner counts */
	char text[PAIR_BYTES];
	size_t len;
	bool quoted;
};

struct pairs {
	struct pair *items;
	size_t n;
};

void surrogates_fini(struct surrogates *surrogates)
{
	free(surrogates->joins);
	*surrogates = (struct surrogates){ 0 };
}

static void pairs_fini(struct pairs *pairs)
{
	free(pairs->items);
}

/* The value of "\uXXXX" when it is within @first and @first + 0x3ff, else 0. */
static unsigned read_half(const char *text, unsigned first)
{
	char digits[5] = { 0 };
	unsigned long value;

	if (text[0] != '\\' || text[1] != 'u')
		return 0;
	memcpy(digits, text + 2, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return 0;
	value = strtoul(digits, NULL, 16);
	return value >= first && value <= first + 0x3ff ? (unsigned)value : 0;
}

static uint32_t read_pair(const char *text)
{
	unsigned high = read_half(text, 0xd800), low = read_half(text + HALF_BYTES, 0xdc00);

	return high && low ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : 0;
}

static void add_pair(struct pairs *pairs, const struct pair *pair)
{
	size_t n = pairs->n;

	if ((n & (n - 1)) == 0) /* room for a power of two */
		pairs->items = xrealloc(pairs->items, (n ? 2 * n : 1) * sizeof(*pairs->items));
	pairs->items[pairs->n++] = *pair;
}

/* Bytes of the pair or half that begins here if it stands in double quotes; 0 for none. */
static size_t pair_bytes(const char *text, size_t len)
{
	if (len >= PAIR_BYTES && read_pair(text))
		return PAIR_BYTES;
	if (len >= HALF_BYTES && (read_half(text, 0xd800) || read_half(text, 0xdc00)))
		return HALF_BYTES;
	return 0;
}

static void find_pairs(const char *text, size_t len, struct pairs *pairs)
{
	size_t bytes, character = 0;
	uint32_t c;

	for (size_t i = 0; i < len; i += bytes, character++) {
		struct pair pair = { .offset = i, .character = character };

		bytes = text_decode(text + i, len - i, &c);
		check(bytes);
		if (c != '\\')
			continue;
		pair.len = pair_bytes(text + i, len - i);
		if (pair.len) {
			memcpy(pair.text, text + i, pair.len);
			add_pair(pairs, &pair);
			bytes = pair.len;
		} else if (len - i >= 2 && text[i + 1] == '\\') { /* "\\ud83d" is no escape */
			bytes = 2;
		}
		character += bytes - 1;
	}
}

static void mark_quoted(struct pairs *pairs, size_t *at, size_t start, size_t end)
{
	while (*at < pairs->n && pairs->items[*at].character < start)
		++*at;
	for (; *at < pairs->n && pairs->items[*at].character < end; ++*at)
		pairs->items[*at].quoted = true;
}

/*
 * Up to where the text is no YAML: nobody reads on there. The scanner is some tokens ahead of what
 * it tells; what lies between is of a document that is refused for another reason.
 */
static void ask_scanner(const char *text, size_t len, struct pairs *pairs)
{
	yaml_parser_t parser;
	yaml_token_t token;
	bool end = false;
	size_t at = 0;

	check(yaml_parser_initialize(&parser));
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!end && at < pairs->n && yaml_parser_scan(&parser, &token)) {
		if (token.type == YAML_SCALAR_TOKEN &&
		    token.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
			mark_quoted(pairs, &at, token.start_mark.index, token.end_mark.index);
		end = token.type == YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	if (parser.error)
		mark_quoted(pairs, &at, 0, parser.problem_mark.index);
	yaml_parser_delete(&parser);
}

static void add_join(struct surrogates *surrogates, unsigned line, unsigned column)
{
	size_t n = surrogates->n;

	if ((n & (n - 1)) == 0)
		surrogates->joins =
			xrealloc(surrogates->joins, (n ? 2 * n : 1) * sizeof(*surrogates->joins));
	surrogates->joins[surrogates->n++] = (struct surrogates_join){ line, column };
}

static bool is_joined(const struct pair *pair)
{
	return pair->quoted && pair->len == PAIR_BYTES;
}

/* Each pair becomes what it stands for, or what it was; its offset becomes that behind it. */
static size_t write_pairs(char *text, size_t len, struct pairs *pairs)
{
	size_t to = 0, from = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		struct pair *pair = &pairs->items[i];
		size_t before = pair->offset - from, pair_len = pair->len;
		char joined[JOINED_BYTES + 1];

		memmove(text + to, text + from, before);
		to += before;
		from = pair->offset + pair->len;
		if (is_joined(pair)) {
			snprintf(joined, sizeof(joined), "\\U%08x", read_pair(pair->text));
			memcpy(pair->text, joined, JOINED_BYTES);
			pair_len = JOINED_BYTES;
		}
		memcpy(text + to, pair->text, pair_len);
		to += pair_len;
		pair->offset = to;
	}
	memmove(text + to, text + from, len - from);
	return to + len - from;
}

static void note_joins(const char *text, size_t len, unsigned line, unsigned column,
		       const struct pairs *pairs, struct surrogates *surrogates)
{
	size_t at = 0, next = text_next_line(text, len, 0);
	uint32_t c;

	for (size_t i = 0; i < pairs->n; i++) {
		for (; next <= pairs->items[i].offset && at < next; line++, column = 0) {
			at = next;
			next = text_next_line(text, len, at);
		}
		for (; at < pairs->items[i].offset; column++)
			at += text_decode(text + at, len - at, &c);
		if (is_joined(&pairs->items[i]))
			add_join(surrogates, line, column);
	}
}

size_t surrogates_join(char *text, size_t len, unsigned line, unsigned column,
		       struct surrogates *surrogates)
{
	static const char harmless[] = "\\u0041\\u0041";
	AUTO(pairs_fini) struct pairs pairs = { 0 };

	find_pairs(text, len, &pairs);
	if (pairs.n == 0)
		return len;
	for (size_t i = 0; i < pairs.n; i++)
		memcpy(text + pairs.items[i].offset, harmless, pairs.items[i].len);
	ask_scanner(text, len, &pairs);
	len = write_pairs(text, len, &pairs);
	note_joins(text, len, line, column, &pairs, surrogates);
	return len;
}

/* How many joins stand in front of a place. */
static size_t count_before(const struct surrogates *surrogates, unsigned line, unsigned column)
{
	size_t low = 0, high = surrogates->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct surrogates_join *join = &surrogates->joins[middle];

		if (join->line < line || (join->line == line && join->column <= column))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

unsigned surrogates_columns(const struct surrogates *surrogates, unsigned line, unsigned column)
{
	size_t in_line = count_before(surrogates, line, column) -
			 (line ? count_before(surrogates, line - 1, UINT_MAX) : 0);

	return (unsigned)in_line * (PAIR_BYTES - JOINED_BYTES);
}

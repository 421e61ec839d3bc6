/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/toml.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/buf.h"

#define BLANK " \t"
#define BARE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

enum { KEYS_MAX = 4096 };

struct parser {
	const char *at;      /* ends with a NUL; a NUL within was refused */
	const char *counted; /* up to here the lines were counted */
	size_t line;
	toml_table_fn on_table;
	toml_value_fn on_value;
	void *ctx;
	struct strv key; /* of the table, then of the value */
	size_t n_keys;
	struct error *err;
};

static void value_fini(struct toml_value *value)
{
	free(value->text);
	for (size_t i = 0; i < value->n_items; i++)
		value_fini(&value->items[i]);
	free(value->items);
	*value = (struct toml_value){ 0 };
}

static size_t line_of(struct parser *p)
{
	for (; p->counted < p->at; p->counted++)
		p->line += *p->counted == '\n';
	return p->line;
}

static int fail(struct parser *p, int code, const char *what)
{
	return error_set(p->err, code, "line %zu: %s", line_of(p), what);
}

static void skip_blank(struct parser *p)
{
	p->at += strspn(p->at, BLANK);
}

static void skip_comment(struct parser *p)
{
	skip_blank(p);
	if (*p->at == '#')
		p->at += strcspn(p->at, "\n");
}

/* Also over lines, as between the values of an array. */
static void skip_lines(struct parser *p)
{
	do {
		skip_comment(p);
	} while (*p->at && strchr("\r\n", *p->at) && p->at++);
}

static int end_line(struct parser *p)
{
	skip_comment(p);
	if (*p->at == '\r')
		p->at++;
	if (*p->at && *p->at != '\n')
		return fail(p, -EBADMSG, "expected the end of the line");
	p->at += *p->at == '\n';
	return 0;
}

static void truncate_key(struct parser *p, size_t n)
{
	while (p->key.n > n)
		free(p->key.items[--p->key.n]);
}

/* ---- strings ---- */

static void add_utf8(struct buf *out, unsigned long c)
{
	char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(n == 1 ? c : c | (0xf00UL >> n & 0xff));
	buf_add(out, bytes, n);
}

/* The digits of "\u" or "\U". */
static int read_code(struct parser *p, size_t digits, struct buf *out)
{
	unsigned long c = 0;

	for (size_t i = 0; i < digits; i++, p->at++) {
		if (!isxdigit((unsigned char)*p->at))
			return fail(p, -EBADMSG, "expected hex digits behind \"\\u\"");
		c = c * 16 + (unsigned long)(isdigit((unsigned char)*p->at)
						     ? *p->at - '0'
						     : tolower((unsigned char)*p->at) - 'a' + 10);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return fail(p, -EBADMSG, "this is no character");
	add_utf8(out, c);
	return 0;
}

static int read_escape(struct parser *p, struct buf *out)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = *p->at;
	const char *name = c ? strchr(names, c) : NULL;

	if (c)
		p->at++;
	if (c == 'u' || c == 'U')
		return read_code(p, c == 'u' ? 4 : 8, out);
	if (!name)
		return fail(p, -EBADMSG, "unknown escape in a string");
	buf_add(out, &values[name - names], 1);
	return 0;
}

static int read_string(struct parser *p, char **ret_text)
{
	AUTO_BUF struct buf out = { 0 };
	char quote = *p->at;
	int r;

	if (strncmp(p->at, quote == '"' ? "\"\"\"" : "'''", 3) == 0)
		return fail(p, -EBADMSG, "strings of several lines are not understood here");
	for (p->at++; *p->at != quote;) {
		if (*p->at == '\0' || *p->at == '\n')
			return fail(p, -EBADMSG, "the string does not end on its line");
		if (*p->at == '\\' && quote == '"') {
			p->at++;
			r = read_escape(p, &out);
			if (r < 0)
				return r;
			continue;
		}
		buf_add(&out, p->at++, 1);
	}
	p->at++;
	*ret_text = buf_take(&out);
	return 0;
}

/* ---- keys ---- */

static int read_word(struct parser *p)
{
	AUTO_FREE char *word = NULL;
	size_t len = strspn(p->at, BARE);
	int r = 0;

	if (p->key.n >= TOML_MAX_DEPTH)
		return fail(p, -EFBIG, "the key has too many parts");
	if (*p->at == '"' || *p->at == '\'') {
		r = read_string(p, &word);
	} else if (len == 0) {
		r = fail(p, -EBADMSG, "expected a key");
	} else {
		word = xstrndup(p->at, len);
		p->at += len;
	}
	if (r == 0)
		strv_add(&p->key, word);
	return r;
}

/* Behind what stands in the key already. */
static int read_key(struct parser *p)
{
	int r;

	if (++p->n_keys > KEYS_MAX)
		return fail(p, -EFBIG, "there are too many keys");
	for (;; p->at++) {
		skip_blank(p);
		r = read_word(p);
		if (r < 0)
			return r;
		skip_blank(p);
		if (*p->at != '.')
			return 0;
	}
}

/* ---- values ---- */

static int read_value(struct parser *p, unsigned depth, struct toml_value *value);
static int read_pair(struct parser *p, unsigned depth);

static int read_array(struct parser *p, unsigned depth, struct toml_value *value)
{
	int r;

	value->kind = TOML_ARRAY;
	for (p->at++;;) {
		skip_lines(p);
		if (*p->at == ']') {
			p->at++;
			return 0;
		}
		if (++p->n_keys > KEYS_MAX)
			return fail(p, -EFBIG, "there are too many values");
		value->items = xrealloc(value->items, (value->n_items + 1) * sizeof(*value));
		value->items[value->n_items] = (struct toml_value){ 0 };
		r = read_value(p, depth + 1, &value->items[value->n_items++]);
		if (r < 0)
			return r;
		skip_lines(p);
		if (*p->at == ',')
			p->at++;
		else if (*p->at != ']')
			return fail(p, -EBADMSG, "expected \",\" or \"]\" in the array");
	}
}

static int read_scalar(struct parser *p, struct toml_value *value)
{
	size_t len = strspn(p->at, BARE "+.");

	value->text = xstrndup(p->at, len);
	value->kind = str_equal(value->text, "true") || str_equal(value->text, "false")
			      ? TOML_BOOL
			      : TOML_NUMBER;
	if (value->kind == TOML_NUMBER && (!len || strspn(value->text, "0123456789_+-.eE") != len ||
					   !strpbrk(value->text, "0123456789")))
		return fail(
			p, -EBADMSG,
			"expected a value: a string in quotes, true, false, a number or an array");
	p->at += len;
	return 0;
}

static int read_value(struct parser *p, unsigned depth, struct toml_value *value)
{
	if (depth > TOML_MAX_DEPTH)
		return fail(p, -EFBIG, "arrays and tables are too deep");
	skip_blank(p);
	if (*p->at == '[')
		return read_array(p, depth, value);
	if (*p->at == '{')
		return fail(p, -EBADMSG, "tables in arrays are not understood here");
	if (*p->at != '"' && *p->at != '\'')
		return read_scalar(p, value);
	value->kind = TOML_STRING;
	return read_string(p, &value->text);
}

static int read_inline_table(struct parser *p, unsigned depth)
{
	int r = 0;

	if (depth > TOML_MAX_DEPTH)
		return fail(p, -EFBIG, "arrays and tables are too deep");
	p->at++;
	skip_blank(p);
	if (*p->at == '}') {
		p->at++;
		return 0;
	}
	while ((r = read_pair(p, depth + 1)) == 0) {
		skip_blank(p);
		if (*p->at == '}' || *p->at != ',')
			break;
		p->at++;
	}
	if (r == 0 && *p->at++ != '}')
		return p->at--, fail(p, -EBADMSG, "expected \",\" or \"}\" in the table");
	return r;
}

static int give_value(struct parser *p)
{
	AUTO(value_fini) struct toml_value value = { 0 };
	size_t line = line_of(p);
	int r = read_value(p, 0, &value);

	if (r < 0)
		return r;
	r = p->on_value(p->ctx, &p->key, &value, p->err);
	return r < 0 ? error_wrap(p->err, r, "line %zu", line) : 0;
}

/* "key = value"; the key is as it was afterwards. */
static int read_pair(struct parser *p, unsigned depth)
{
	size_t n = p->key.n;
	int r = read_key(p);

	if (r == 0 && *p->at != '=')
		r = fail(p, -EBADMSG, "expected \"=\" behind the key");
	if (r == 0) {
		p->at++;
		skip_blank(p);
		r = *p->at == '{' ? read_inline_table(p, depth) : give_value(p);
	}
	truncate_key(p, n);
	return r;
}

/* ---- the whole ---- */

static int read_header(struct parser *p)
{
	int r;

	if (p->at[1] == '[')
		return fail(p, -EBADMSG, "arrays of tables are not understood here");
	truncate_key(p, 0);
	p->at++;
	r = read_key(p);
	if (r < 0)
		return r;
	if (*p->at != ']')
		return fail(p, -EBADMSG, "expected \"]\" behind the table's name");
	p->at++;
	r = p->on_table(p->ctx, &p->key, p->err);
	return r < 0 ? error_wrap(p->err, r, "line %zu", line_of(p)) : end_line(p);
}

static int read_line(struct parser *p)
{
	int r;

	if (*p->at == '[')
		return read_header(p);
	r = read_pair(p, 0);
	return r < 0 ? r : end_line(p);
}

int toml_parse(const char *text, size_t len, toml_table_fn on_table, toml_value_fn on_value,
	       void *ctx, struct error *err)
{
	AUTO_FREE char *copy = NULL;
	struct parser p = {
		.line = 1, .on_table = on_table, .on_value = on_value, .ctx = ctx, .err = err
	};
	int r = 0;

	if (len > TOML_MAX_BYTES)
		return error_set(err, -EFBIG, "it has more than %d bytes", TOML_MAX_BYTES);
	if (memchr(text, '\0', len))
		return error_set(err, -EBADMSG, "it holds a NUL byte, so it is no text");
	copy = xstrndup(text, len);
	p.counted = p.at = copy;
	if (str_starts_with(p.at, "\xef\xbb\xbf"))
		p.at += 3;
	for (skip_lines(&p); r == 0 && *p.at; skip_lines(&p))
		r = read_line(&p);
	strv_fini(&p.key);
	return r;
}

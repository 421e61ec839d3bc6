/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/answer.h"

#include <ctype.h>
#include <strings.h>
#include <time.h>

#include "core/base/str.h"
#include "core/registry/json.h"

enum { ERRORS_MAX = 4 };

enum answer answer_of_status(long status)
{
	switch (status) {
	case 401:
		return ANSWER_LOG_IN;
	case 403:
		return ANSWER_DENIED;
	case 404:
		return ANSWER_NOT_THERE;
	case 408:
	case 425:
	case 429:
		return ANSWER_LATER;
	default:
		if (status >= 200 && status < 300)
			return ANSWER_WELL;
		return status >= 500 && status < 600 ? ANSWER_BROKEN : ANSWER_REFUSED;
	}
}

/* The forms of a date that a sender may use; the other two of RFC 9110 are long gone. */
static int64_t parse_date_ms(const char *value)
{
	struct tm tm = { 0 };
	const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	return end && !*end ? (int64_t)timegm(&tm) * 1000 : -1;
}

int64_t answer_retry_after_ms(const char *value, int64_t now_ms)
{
	size_t digits = strspn(value, "0123456789");
	int64_t at_ms;

	if (digits && (!value[digits] || value[digits] == '.')) {
		double seconds = digits > 9 ? RETRY_AFTER_MAX_MS : strtod(value, NULL);

		return seconds * 1000 < RETRY_AFTER_MAX_MS ? (int64_t)(seconds * 1000)
							   : RETRY_AFTER_MAX_MS;
	}
	at_ms = parse_date_ms(value);
	if (at_ms < 0)
		return -1;
	at_ms -= now_ms;
	return at_ms < 0 ? 0 : at_ms < RETRY_AFTER_MAX_MS ? at_ms : RETRY_AFTER_MAX_MS;
}

/* "bytes 100-199/1000"; NULL: no number stands at @s. */
static const char *read_number(const char *s, int64_t *ret)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 18)
		return NULL;
	*ret = strtoll(s, NULL, 10);
	return s + digits;
}

bool answer_content_range(const char *value, int64_t *ret_first, int64_t *ret_total)
{
	int64_t first, last, total = -1;
	const char *at;

	if (strncasecmp(value, "bytes ", strlen("bytes ")) != 0 ||
	    !(at = read_number(value + strlen("bytes "), &first)) || *at != '-' ||
	    !(at = read_number(at + 1, &last)) || *at != '/' || last < first)
		return false;
	if (!str_equal(at, "/*") && (!(at = read_number(at + 1, &total)) || *at || total <= last))
		return false;
	*ret_first = first;
	*ret_total = total;
	return true;
}

/* ---- words ---- */

/* As much of @text as may stand on one line of a terminal. */
static void add_line(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len && out->len < ANSWER_WORDS_MAX_BYTES; i++) {
		unsigned char c = (unsigned char)text[i];
		char plain = c >= 0x20 && c < 0x7f ? (char)c : ' ';

		if (plain != ' ' || (out->len && out->data[out->len - 1] != ' '))
			buf_add(out, &plain, 1);
	}
}

static void add_error(const json_t *error, struct buf *out)
{
	const char *code = registry_json_string(error, "code");
	const char *message = registry_json_string(error, "message");

	if (out->len && (*code || *message))
		add_line("; ", 2, out);
	add_line(code, strlen(code), out);
	if (*code && *message)
		add_line(": ", 2, out);
	add_line(message, strlen(message), out);
}

/* Tokens' servers say it otherwise: {"details": "..."} or {"error": "...", "error_description":
 * "..."}. */
static void add_other_words(const json_t *root, struct buf *out)
{
	static const char *const keys[] = { "error_description", "details", "message", "error" };

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !out->len; i++) {
		const char *words = registry_json_string(root, keys[i]);

		add_line(words, strlen(words), out);
	}
}

static bool is_line(const char *body, size_t len)
{
	return len && len < ANSWER_WORDS_MAX_BYTES && body[0] != '<' && !memchr(body, '\0', len) &&
	       isalnum((unsigned char)body[0]);
}

void answer_add_words(const char *body, size_t len, struct buf *out)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	AUTO_BUF struct buf words = { 0 };
	const json_t *errors, *error;
	size_t i;

	if (registry_json_parse("error", body, len, &root, NULL) < 0) {
		if (is_line(body, len))
			add_line(body, len, &words);
	} else {
		errors = json_object_get(root, "errors");
		json_array_foreach(errors, i, error) {
			if (i < ERRORS_MAX)
				add_error(error, &words);
		}
		if (!words.len)
			add_other_words(root, &words);
	}
	while (words.len && words.data[words.len - 1] == ' ')
		words.len--;
	buf_add(out, words.data, words.len);
}

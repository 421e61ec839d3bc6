/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/scalar.h"

#include <errno.h>
#include <strings.h>

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

bool scalar_is_null(const char *text)
{
	static const char *const words[] = { "", "~", "null" };

	return is_one_of(text, words, ARRAY_SIZE(words));
}

bool scalar_is_old_boolean(const char *text)
{
	static const char *const words[] = { "yes", "no", "on", "off", "y", "n", "true", "false" };

	return is_one_of(text, words, ARRAY_SIZE(words));
}

/* Numbers, times and dates of YAML 1.1 and 1.2 and more: it costs two quotes to be wrong here. */
static bool looks_like_number(const char *text)
{
	static const char digits[] = "0123456789";
	const char *p = text + (*text == '+' || *text == '-');

	p += *p == '.';
	if (strcasecmp(p, "inf") == 0 || strcasecmp(p, "nan") == 0)
		return true;
	return *p && strchr(digits, *p) &&
	       strspn(p, "0123456789abcdefABCDEFxoXOTZtz_+-.: ") == strlen(p);
}

bool scalar_is_text(const char *text)
{
	return !scalar_is_null(text) && !scalar_is_old_boolean(text) && !looks_like_number(text) &&
	       strcmp(text, "=") != 0 && strcmp(text, "<<") != 0;
}

enum scalar_number scalar_parse_number(const char *text, int64_t min, uint64_t max,
				       uint64_t *ret_value)
{
	bool negative = *text == '-';
	const char *digits = text + negative;
	unsigned long long value;

	if (!*digits || digits[strspn(digits, "0123456789")])
		return SCALAR_NUMBER_NONE;
	if (digits[0] == '0' && digits[1])
		return SCALAR_NUMBER_LEADING_ZERO;
	errno = 0;
	value = strtoull(digits, NULL, 10);
	if (errno || (negative ? value > 0 - (uint64_t)min : value > max))
		return SCALAR_NUMBER_RANGE;
	*ret_value = negative ? 0 - (uint64_t)value : value;
	return SCALAR_NUMBER_OK;
}

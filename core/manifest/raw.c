/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/raw.h"

#include <stdio.h>

#include "core/base/text.h"

/* Lines that begin with '%': the parser compares each directive %TAG with all before it. */
enum { DIRECTIVES_MAX = 50 };

bool raw_is_bom(const char *data, size_t len)
{
	return len >= RAW_BOM_BYTES && memcmp(data, "\xef\xbb\xbf", RAW_BOM_BYTES) == 0;
}

/* By its own mark, else by the first character: that of YAML or JSON is one of ASCII. */
static const char *wide_encoding(const char *data, size_t len)
{
	static const struct {
		const char *start;
		size_t len;
		const char *name;
	} starts[] = {
		{ "\xff\xfe\0\0", 4, "UTF-32" },
		{ "\0\0\xfe\xff", 4, "UTF-32" },
		{ "\xff\xfe", 2, "UTF-16" },
		{ "\xfe\xff", 2, "UTF-16" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (len >= starts[i].len && memcmp(data, starts[i].start, starts[i].len) == 0)
			return starts[i].name;
	if (len >= 4 && ((!data[1] && !data[2] && !data[3]) || (!data[0] && !data[1] && !data[2])))
		return data[0] || data[3] ? "UTF-32" : NULL;
	if (len >= 4 && ((data[0] && !data[1] && data[2] && !data[3]) ||
			 (!data[0] && data[1] && !data[2] && data[3])))
		return "UTF-16";
	return NULL;
}

static bool check_encoding(const char *data, size_t len, const struct reader_handlers *h)
{
	const char *name = wide_encoding(data, len);
	char message[128];

	if (!name)
		return true;
	snprintf(message, sizeof(message),
		 "the file is text in %s; expected UTF-8: iconv -f %s -t UTF-8 makes it so", name,
		 name);
	h->on_error(h->ctx, 0, 1, 1, message);
	return false;
}

static bool check_directives(const char *data, size_t len, const struct reader_handlers *h)
{
	unsigned n = 0, line = 1;
	char message[128];

	for (size_t i = 0; i < len; i = text_next_line(data, len, i), line++) {
		if (data[i] != '%' || ++n <= DIRECTIVES_MAX)
			continue;
		snprintf(message, sizeof(message),
			 "more than %d lines begin with '%%': directives are of no use here; "
			 "leave them out",
			 DIRECTIVES_MAX);
		h->on_error(h->ctx, 0, line, 1, message);
		return false;
	}
	return true;
}

static bool check_characters(const char *data, size_t len, const struct reader_handlers *h)
{
	unsigned line = 1, column = 1;
	char message[128];
	size_t bytes;

	for (size_t i = 0; i < len; i += bytes, column++) {
		uint32_t character = 0;

		bytes = text_decode(data + i, len - i, &character);
		if (!bytes || !text_is_printable(character)) {
			snprintf(message, sizeof(message),
				 "not a text file: byte 0x%02x; expected YAML or JSON in UTF-8",
				 (unsigned char)data[i]);
			h->on_error(h->ctx, 0, line, column, message);
			return false;
		}
		if (character == '\n') {
			line++;
			column = 0;
		}
	}
	return true;
}

bool raw_check(const char *data, size_t len, const struct reader_handlers *handlers)
{
	return check_encoding(data, len, handlers) && check_characters(data, len, handlers) &&
	       check_directives(data, len, handlers);
}

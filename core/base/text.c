/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/text.h"

#include "core/base/buf.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_decode(const char *data, size_t len, uint32_t *ret_character)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800,
					     0x10000 }; /* by length; below it is overlong */
	unsigned char first = len ? (unsigned char)data[0] : 0xff;
	size_t bytes = first < 0x80   ? 1
		       : first < 0xc0 ? 0
		       : first < 0xe0 ? 2
		       : first < 0xf0 ? 3
		       : first < 0xf8 ? 4
				      : 0;
	uint32_t character = bytes == 1 ? first : first & (0x7fu >> bytes);

	if (bytes == 0 || bytes > len)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if (!is_continuation(data[i]))
			return 0;
		character = character << 6 | ((unsigned char)data[i] & 0x3f);
	}
	if (character < smallest[bytes] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return bytes;
}

bool text_is_printable(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 ||
	       (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
	       (c >= 0x10000 && c <= 0x10ffff);
}

bool text_is_plain(uint32_t c)
{
	return text_is_printable(c) && c != 0x85 && c != 0x2028 && c != 0x2029 && c != 0xfeff;
}

char *text_repair(const char *s)
{
	size_t len = strlen(s), bytes;
	AUTO_BUF struct buf out = { 0 };
	uint32_t character;

	for (size_t i = 0; i < len; i += bytes) {
		bytes = text_decode(s + i, len - i, &character);
		if (bytes) {
			buf_add(&out, s + i, bytes);
		} else {
			buf_add_str(&out, "\xef\xbf\xbd");
			bytes = 1;
		}
	}
	return buf_take(&out);
}

void text_flatten(char *s)
{
	size_t len = strlen(s), bytes;
	uint32_t character;
	char *to = s;

	for (size_t i = 0; i < len; i += bytes) {
		bytes = text_decode(s + i, len - i, &character);
		if (bytes && character >= 0x20 && text_is_plain(character)) {
			memmove(to, s + i, bytes);
			to += bytes;
			continue;
		}
		*to++ = '?';
		bytes = bytes ? bytes : 1;
	}
	*to = '\0';
}

/* Length of the line break at @data, 0 when there is none: those of YAML 1.1. */
static size_t break_bytes(const char *data, size_t len)
{
	if (len >= 2 && data[0] == '\r' && data[1] == '\n')
		return 2;
	if (len >= 1 && (data[0] == '\n' || data[0] == '\r'))
		return 1;
	if (len >= 2 && (unsigned char)data[0] == 0xc2 && (unsigned char)data[1] == 0x85)
		return 2;
	if (len >= 3 && data[0] == (char)0xe2 &&
	    (memcmp(data, "\xe2\x80\xa8", 3) == 0 || memcmp(data, "\xe2\x80\xa9", 3) == 0))
		return 3;
	return 0;
}

size_t text_next_line(const char *data, size_t len, size_t offset)
{
	for (; offset < len; offset++) {
		size_t bytes = break_bytes(data + offset, len - offset);

		if (bytes)
			return offset + bytes;
	}
	return len;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/display.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <wchar.h>

#include "core/base/str.h"
#include "core/base/text.h"

#define ELLIPSIS "\xe2\x80\xa6"

enum { COLUMNS_MAX = 10000, COLUMNS_ELSE = 79 };

static size_t columns_of_environment(void)
{
	const char *value = getenv("COLUMNS");
	char *end;
	unsigned long columns;

	if (str_empty(value) || *value < '0' || *value > '9')
		return 0;
	columns = strtoul(value, &end, 10);
	return *end || columns > COLUMNS_MAX ? 0 : columns;
}

size_t display_columns(FILE *out)
{
	struct winsize size = { 0 };
	size_t columns;
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd))
		return 0;
	columns = columns_of_environment();
	if (columns || ioctl(fd, TIOCGWINSZ, &size) < 0)
		return columns;
	return size.ws_col;
}

/* Marks that make what follows run from right to left. */
static bool turns_direction(uint32_t c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static bool is_safe(uint32_t c)
{
	return c >= 0x20 && text_is_plain(c) && !turns_direction(c);
}

char *display_safe(const char *text)
{
	size_t len = strlen(text), bytes;
	char *copy = xcalloc(len + 1, 1), *to = copy;
	uint32_t c;

	for (size_t i = 0; i < len; i += bytes) {
		bytes = text_decode(text + i, len - i, &c);
		if (bytes && is_safe(c))
			to = mempcpy(to, text + i, bytes);
		else
			*to++ = '?';
		bytes = bytes ? bytes : 1;
	}
	return copy;
}

/* The C library knows the widths, for a locale whose characters are Unicode. Whatever the user's
 * is: UTF-8 is what is written. */
static void use_unicode(void)
{
	static bool done;
	locale_t locale;

	if (done)
		return;
	done = true;
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (locale)
		uselocale(locale);
}

static size_t character_width(uint32_t c)
{
	int width;

	if (c < 0x7f)
		return 1;
	use_unicode();
	width = wcwidth((wchar_t)c);
	return width < 0 ? 1 : (size_t)width;
}

/* How many bytes of it take at most @width columns; @ret_width: how many they take. */
static size_t fit(const char *text, size_t width, size_t *ret_width)
{
	size_t len = strlen(text), at = 0;
	uint32_t c;

	*ret_width = 0;
	while (at < len) {
		size_t bytes = text_decode(text + at, len - at, &c),
		       columns = bytes ? character_width(c) : 1;

		if (*ret_width + columns > width)
			break;
		*ret_width += columns;
		at += bytes ? bytes : 1;
	}
	return at;
}

size_t display_width(const char *text)
{
	size_t width;

	fit(text, SIZE_MAX, &width);
	return width;
}

char *display_cut(const char *text, size_t width)
{
	size_t taken, at;

	if (display_width(text) <= width)
		return xstrdup(text);
	at = fit(text, width - 1, &taken);
	while (at && text[at - 1] == ' ')
		at--;
	return xasprintf("%.*s" ELLIPSIS, (int)at, text);
}

void display_line(const char *text, FILE *out)
{
	size_t columns = display_columns(out);
	AUTO_FREE char *safe = display_safe(text);
	AUTO_FREE char *cut = display_cut(safe, columns > 1 ? columns - 1 : COLUMNS_ELSE);

	fprintf(out, "%s\n", cut);
}

void display_line_again(const char *text, FILE *out)
{
	fputs(DISPLAY_TAKE_LINE, out);
	display_line(text, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/log_print.h"

#include <inttypes.h>
#include <time.h>

#include "cli/show/display.h"
#include "core/base/str.h"
#include "core/base/text.h"

#define NS_PER_SECOND UINT64_C(1000000000)

enum { DELETE = 0x7f };

/* "cyan" and so on: neither red, which is for trouble, nor what a background could be. */
static const char *const colors[] = { "36", "33", "32", "35", "34", "96", "93", "92", "95", "94" };

/* ---- what is safe ---- */

static void add_control(unsigned char c, struct buf *out)
{
	const char shown[] = { '^', (char)(c ^ 0x40) };

	buf_add(out, shown, sizeof(shown));
}

static bool is_shown(const char *at, size_t bytes)
{
	AUTO_FREE char *one = xstrndup(at, bytes);
	AUTO_FREE char *shown = display_safe(one);

	return strcmp(shown, one) == 0;
}

/* A character that is not ASCII. How many bytes it is. */
static size_t add_wide(const char *at, size_t len, struct buf *out)
{
	uint32_t c;
	size_t bytes = text_decode(at, len, &c);

	if (bytes && is_shown(at, bytes))
		buf_add(out, at, bytes);
	else
		buf_add(out, "?", 1);
	return bytes ? bytes : 1;
}

void log_print_safe(const char *bytes, size_t len, struct buf *out)
{
	for (size_t i = 0, n; i < len; i += n) {
		unsigned char c = (unsigned char)bytes[i];

		n = 1;
		if ((c < ' ' && c != '\t') || c == DELETE)
			add_control(c, out);
		else if (c < DELETE)
			buf_add(out, bytes + i, 1);
		else
			n = add_wide(bytes + i, len - i, out);
	}
}

/* ---- a line ---- */

static void print_time(uint64_t ns, FILE *out)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	char text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%09" PRIu64 "Z ", text, ns % NS_PER_SECOND);
}

static size_t number_of(const struct log_print *print, const char *container)
{
	size_t i = 0;

	while (i < print->n_containers && !str_equal(print->containers[i], container))
		i++;
	return i;
}

static int widest(const struct log_print *print)
{
	size_t width = 0;

	for (size_t i = 0; i < print->n_containers; i++) {
		size_t len = strlen(print->containers[i]);

		width = len > width ? len : width;
	}
	return (int)width;
}

static void print_container(const struct log_print *print, const char *container)
{
	const char *color = colors[number_of(print, container) % ARRAY_SIZE(colors)];
	AUTO_FREE char *name = display_safe(container ? container : "?");

	if (print->color)
		fprintf(print->out, "\033[%sm%-*s |\033[0m ", color, widest(print), name);
	else
		fprintf(print->out, "%-*s | ", widest(print), name);
}

static void print_front(const struct log_print *print, const Api__LogLine *line)
{
	if (print->indent)
		fputs(print->indent, print->out);
	if (print->containers)
		print_container(print, line->container);
	if (print->timestamps)
		print_time(line->time_ns, print->out);
}

static void print_text(const struct log_print *print, const Api__LogLine *line)
{
	const char *text = (const char *)line->text.data;
	size_t len = line->text.len;
	AUTO_BUF struct buf shown = { 0 };

	if (!print->safe) {
		fwrite(text, 1, len, print->out);
		return;
	}
	if (len && text[len - 1] == '\r' && !line->partial)
		len--;
	log_print_safe(text, len, &shown);
	fwrite(shown.len ? shown.data : "", 1, shown.len, print->out);
}

static bool goes_on(const struct log_print *print, const Api__LogLine *line)
{
	return print->open && str_equal(print->open, line->container) &&
	       print->open_stream == line->stream;
}

static void end_line(struct log_print *print)
{
	if (print->open)
		fputc('\n', print->out);
	free(take_ptr(print->open));
}

void log_print_line(struct log_print *print, const Api__LogLine *line)
{
	bool continued = goes_on(print, line);

	if (!continued) {
		end_line(print);
		print_front(print, line);
	}
	print_text(print, line);
	if (line->time_ns > print->last_ns)
		print->last_ns = line->time_ns;
	if (!line->partial)
		fputc('\n', print->out);
	free(take_ptr(print->open));
	if (line->partial) {
		print->open = xstrdup(line->container ? line->container : "");
		print->open_stream = line->stream;
	}
}

void log_print_end(struct log_print *print)
{
	if (print->safe)
		end_line(print);
	free(take_ptr(print->open));
	fflush(print->out);
}

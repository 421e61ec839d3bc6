/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes of a log file, and of a name: no crash, no entry out of bounds, and all that
 * is read by tail or time is the end of what is read from the beginning. */
#include <sys/mman.h>

#include "core/base/buf.h"
#include "core/logread/log_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that follows, as pieces. */
static void read_all(struct log_text *text, struct buf *out)
{
	struct log_piece piece;
	struct log_line line;

	while (log_text_next(text, &piece) > 0) {
		check(piece.len <= LOG_LINE_MAX);
		if (log_line_parse(piece.data, piece.len, &line))
			check(line.text + line.len == piece.data + piece.len);
		buf_add(out, piece.data, piece.len);
		if (!piece.goes_on)
			buf_add_str(out, "\n");
	}
}

static void open_text(struct log_text *text, const uint8_t *data, size_t len)
{
	*text = (struct log_text){ .limit = UINT64_MAX, .data = xcalloc(1, 2 * 64 * 1024) };
	text->fd = memfd_create("log", MFD_CLOEXEC);
	check(write(text->fd, data, len) == (ssize_t)len);
}

static void check_is_end(const struct buf *all, const struct buf *part)
{
	check(part->len <= all->len);
	if (part->len)
		check(memcmp(all->data + all->len - part->len, part->data, part->len) == 0);
}

/* The first byte: how many last lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_BUF struct buf all = { 0 }, tail = { 0 }, late = { 0 };
	struct log_text text;
	struct log_file file;
	uint64_t n = len ? data[0] : 0;
	char name[80] = "";

	if (len < 2)
		return 0;
	memcpy(name, data, len < sizeof(name) ? len : sizeof(name) - 1);
	log_file_name_parse(name, &file);
	open_text(&text, data + 1, len - 1);
	read_all(&text, &all);
	check(log_text_seek_tail(&text, &n, 0) >= 0);
	read_all(&text, &tail);
	check_is_end(&all, &tail);
	check(log_text_seek_time(&text, INT64_C(1772366400000000000)) == 0);
	read_all(&text, &late);
	check_is_end(&all, &late);
	log_text_close(&text);
	return 0;
}

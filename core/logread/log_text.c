/* SPDX-License-Identifier: Apache-2.0 */
#include "core/logread/log_text.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 64 * 1024, DATA_BYTES = LOG_LINE_MAX + BLOCK_BYTES };

static int unpack(struct log_text *text, struct error *err)
{
	struct archive_entry *entry;

	text->archive = archive_read_new();
	check(text->archive);
	archive_read_support_filter_zstd(text->archive);
	archive_read_support_format_raw(text->archive);
	archive_read_support_format_empty(text->archive);
	if (archive_read_open_fd(text->archive, text->fd, BLOCK_BYTES) != ARCHIVE_OK)
		return error_set(err, -EIO, "%s", archive_error_string(text->archive));
	/* An empty or broken one has no lines. */
	text->over = archive_read_next_header(text->archive, &entry) != ARCHIVE_OK ||
		     archive_filter_code(text->archive, 0) != ARCHIVE_FILTER_ZSTD;
	return 0;
}

static int open_checked(int dirfd, const struct log_file *file, struct error *err)
{
	AUTO_CLOSE int fd =
		openat(dirfd, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return error_set(err, errno == ENOENT ? -ESTALE : -errno, "cannot open %s: %m",
				 file->name);
	if (stat.st_dev != file->device || stat.st_ino != file->inode)
		return error_set(err, -ESTALE, "%s is another file by now", file->name);
	return take_fd(&fd);
}

int log_text_open(struct log_text *text, int dirfd, const struct log_file *file, struct error *err)
{
	int fd = open_checked(dirfd, file, err), r = 0;

	if (fd < 0)
		return fd;
	*text = (struct log_text){
		.fd = fd,
		.device = file->device,
		.inode = file->inode,
		.run = file->run,
		.limit = UINT64_MAX,
		.data = xcalloc(1, DATA_BYTES),
	};
	if (file->packed)
		r = unpack(text, err);
	if (r < 0)
		log_text_close(text);
	return r;
}

void log_text_close(struct log_text *text)
{
	if (!log_text_is_open(text))
		return;
	if (text->archive)
		archive_read_free(text->archive);
	close(text->fd);
	free(text->data);
	*text = (struct log_text){ .fd = -1 };
}

/* ---- reading on ---- */

static ssize_t read_some(struct log_text *text, char *to, size_t len)
{
	ssize_t n;

	if (text->archive) {
		n = text->over ? 0 : archive_read_data(text->archive, to, len);
		text->over |= n <= 0; /* what is broken has ended */
		return n < 0 ? 0 : n;
	}
	if (text->offset >= text->limit)
		return 0;
	if (len > text->limit - text->offset)
		len = (size_t)(text->limit - text->offset);
	do
		n = pread(text->fd, to, len, (off_t)text->offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* More behind what is there; 0: there is none. */
static ssize_t fill(struct log_text *text)
{
	ssize_t n;

	if (text->at) {
		memmove(text->data, text->data + text->at, text->end - text->at);
		text->end -= text->at;
		text->searched -= text->at;
		text->at = 0;
	}
	n = read_some(text, text->data + text->end, DATA_BYTES - text->end);
	if (n > 0) {
		text->end += (size_t)n;
		text->offset += (uint64_t)n;
	}
	return n;
}

static void give(struct log_text *text, size_t len, size_t behind, bool goes_on,
		 struct log_piece *ret)
{
	*ret = (struct log_piece){ text->data + text->at, len, goes_on, text->cut };
	text->at += len + behind;
	text->searched = text->at;
	text->cut = goes_on;
}

int log_text_next(struct log_text *text, struct log_piece *ret)
{
	for (;;) {
		const char *from = text->data + text->searched;
		const char *newline = memchr(from, '\n', text->end - text->searched);
		size_t have = text->end - text->at;
		ssize_t n;

		if (newline) {
			size_t len = (size_t)(newline - (text->data + text->at));

			if (len <= LOG_LINE_MAX)
				return give(text, len, 1, false, ret), 1;
			return give(text, LOG_LINE_MAX, 0, true, ret), 1;
		}
		text->searched = text->end;
		if (have >= LOG_LINE_MAX)
			return give(text, LOG_LINE_MAX, 0, true, ret), 1;
		n = fill(text);
		if (n <= 0)
			return (int)n;
	}
}

bool log_text_rest(struct log_text *text, struct log_piece *ret)
{
	if (text->at == text->end)
		return false;
	give(text, text->end - text->at, 0, false, ret);
	return true;
}

/* ---- finding a place ---- */

static void go_to(struct log_text *text, uint64_t offset)
{
	text->offset = offset;
	text->at = text->end = text->searched = 0;
	text->cut = false;
}

void log_text_rewind(struct log_text *text)
{
	go_to(text, 0);
}

static int64_t size_of(const struct log_text *text)
{
	struct stat stat;

	if (fstat(text->fd, &stat) < 0)
		return -errno;
	return (uint64_t)stat.st_size < text->limit ? stat.st_size : (int64_t)text->limit;
}

/* Where the next piece begins. */
static uint64_t position(const struct log_text *text)
{
	return text->offset - (text->end - text->at);
}

/*
 * The first line that begins behind @offset (at 0: there) and says its time. 1, 0: there is none,
 * or -errno. *ret_start: where it begins.
 */
static int timed_line_from(struct log_text *text, uint64_t offset, uint64_t *ret_start,
			   int64_t *ret_ns)
{
	struct log_piece piece;
	struct log_line line;
	int r;

	go_to(text, offset ? offset - 1 : 0);
	if (offset) {
		do
			r = log_text_next(text, &piece);
		while (r > 0 && piece.goes_on);
		if (r <= 0)
			return r;
	}
	for (;;) {
		*ret_start = position(text);
		r = log_text_next(text, &piece);
		if (r <= 0)
			return r;
		if (!piece.continues && log_line_parse(piece.data, piece.len, &line))
			break;
	}
	*ret_ns = line.time_ns;
	return 1;
}

/* The beginning of the first line of @time_ns or later; the size when there is none. */
static int64_t find_time(struct log_text *text, int64_t time_ns)
{
	int64_t size = size_of(text);
	uint64_t low = 0, high = size < 0 ? 0 : (uint64_t)size, found = high;

	if (size < 0)
		return size;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, start = middle;
		int64_t ns = 0;
		int r = timed_line_from(text, middle, &start, &ns);

		if (r < 0)
			return r;
		if (r == 0 || ns >= time_ns) {
			found = r ? start : found;
			high = middle;
		} else {
			low = start + 1;
		}
	}
	return (int64_t)found;
}

int log_text_seek_time(struct log_text *text, int64_t time_ns)
{
	int64_t found = find_time(text, time_ns);

	if (found < 0)
		return (int)found;
	go_to(text, (uint64_t)found);
	return 0;
}

int log_text_end_at_time(struct log_text *text, int64_t time_ns)
{
	int64_t found = find_time(text, time_ns), size = size_of(text);

	if (found < 0 || size < 0)
		return (int)(found < 0 ? found : size);
	go_to(text, 0);
	if (found < size) /* else the one after it may still be written */
		text->limit = (uint64_t)found;
	return 0;
}

/* ---- the last lines ---- */

/* Whether a line ends in this one, which begins at @offset. What is no line of ours counts. */
static bool ends_a_line(const struct log_text *text, uint64_t offset, uint64_t end)
{
	char head[LOG_HEAD_MAX];
	size_t len = end - offset < sizeof(head) ? (size_t)(end - offset) : sizeof(head);
	ssize_t n = pread(text->fd, head, len, (off_t)offset);
	struct log_line line;

	return n <= 0 || !log_line_parse(head, (size_t)n, &line) || !line.partial;
}

struct backwards {
	uint64_t line_end; /* behind its newline; 0: the last newline has not been met */
	uint64_t wanted, met;
};

/* A newline at @at. True: what is behind it is what was looked for. */
static bool meet(struct log_text *text, struct backwards *back, uint64_t at)
{
	if (back->line_end && ends_a_line(text, at + 1, back->line_end) &&
	    back->met++ == back->wanted) {
		go_to(text, back->line_end);
		return true;
	}
	back->line_end = at + 1;
	return false;
}

/* From the end to the beginning, block by block. */
static int seek_back(struct log_text *text, uint64_t size, struct backwards *back)
{
	uint64_t from = size;

	while (from > 0) {
		size_t len = from < BLOCK_BYTES ? (size_t)from : BLOCK_BYTES;
		const char *newline;
		ssize_t n;

		from -= len;
		n = pread(text->fd, text->data, len, (off_t)from);
		if (n < 0)
			return -errno;
		for (len = (size_t)n; (newline = memrchr(text->data, '\n', len));
		     len = (size_t)(newline - text->data)) {
			if (meet(text, back, from + (uint64_t)(newline - text->data)))
				return 1;
		}
	}
	if (back->line_end && ends_a_line(text, 0, back->line_end) && back->met++ == back->wanted) {
		go_to(text, back->line_end);
		return 1;
	}
	go_to(text, 0);
	return 0;
}

static int seek_tail_plain(struct log_text *text, uint64_t *n)
{
	struct backwards back = { .wanted = *n };
	int64_t size = size_of(text);
	int r = size < 0 ? (int)size : seek_back(text, (uint64_t)size, &back);

	if (r == 0)
		*n -= back.met;
	return r;
}

static int rewind_packed(struct log_text *text)
{
	archive_read_free(text->archive);
	text->archive = NULL;
	text->over = false;
	go_to(text, 0);
	if (lseek(text->fd, 0, SEEK_SET) < 0)
		return -errno;
	return unpack(text, NULL);
}

/* Passes over lines until @n of them have ended. How many did, or -errno. */
static int64_t pass(struct log_text *text, uint64_t n, int64_t until_ns)
{
	struct log_piece piece;
	struct log_line line;
	int64_t ended = 0;
	int r;

	while ((uint64_t)ended < n && (r = log_text_next(text, &piece)) != 0) {
		bool known = log_line_parse(piece.data, piece.len, &line);

		if (r < 0)
			return r;
		if (piece.goes_on || (known && line.partial))
			continue;
		if (!known || !until_ns || line.time_ns < until_ns)
			ended++;
	}
	return ended;
}

static int seek_tail_packed(struct log_text *text, uint64_t *n, int64_t until_ns)
{
	int64_t all = pass(text, UINT64_MAX, until_ns), passed;
	int r = all < 0 ? (int)all : rewind_packed(text);

	if (r < 0)
		return r;
	if ((uint64_t)all <= *n) {
		*n -= (uint64_t)all;
		return 0;
	}
	passed = pass(text, (uint64_t)all - *n, until_ns);
	return passed < 0 ? (int)passed : 1;
}

int log_text_seek_tail(struct log_text *text, uint64_t *n, int64_t until_ns)
{
	return text->archive ? seek_tail_packed(text, n, until_ns) : seek_tail_plain(text, n);
}

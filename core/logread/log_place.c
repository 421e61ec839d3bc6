/* SPDX-License-Identifier: Apache-2.0 */
/* Which of its files a source reads, and when it goes on to the next one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/logread/log_source_private.h"

enum { TRIES_MAX = 100 }; /* to open what was listed, while the files are being turned */

/* *ret_dirfd -1 and nothing listed: there is no directory. */
static int list(const struct log_source *source, int *ret_dirfd, struct log_listing *ret,
		struct error *err)
{
	int fd = open(source->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r;

	*ret = (struct log_listing){ 0 };
	*ret_dirfd = -1;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", source->dir);
	r = log_listing_read(fd, ret, err);
	if (r < 0)
		close(fd);
	else
		*ret_dirfd = fd;
	return r;
}

static uint64_t run_before(const struct log_listing *files, uint64_t run)
{
	for (size_t i = files->n; i-- > 0;) {
		if (files->items[i].run < run)
			return files->items[i].run;
	}
	return run;
}

/* Of the listed ones, those from *@first on and before *@end are wanted. */
static void choose(const struct log_source *source, const struct log_listing *files, size_t *first,
		   size_t *end)
{
	uint64_t last = files->n ? files->items[files->n - 1].run : 0, run = last;

	*first = 0;
	*end = files->n;
	if (source->query->runs == LOG_RUNS_PREVIOUS) {
		run = run_before(files, last);
		while (*end && (run == last || files->items[*end - 1].run != run))
			--*end;
	}
	if (source->query->runs == LOG_RUNS_ALL)
		run = 0;
	if (source->from_run)
		run = source->from_run;
	while (*first < *end && files->items[*first].run < run)
		++*first;
}

/* ---- where to begin ---- */

/* Whether all that the file has was before what is wanted begins: nothing older is needed. */
static int begins_before(struct log_text *text, int64_t since_ns)
{
	struct log_piece piece;
	struct log_line line;
	bool before = false;
	int r;

	if (text->archive) /* it is read from its beginning, whoever asks */
		return 0;
	r = log_text_next(text, &piece);
	if (r > 0)
		before = log_line_parse(piece.data, piece.len, &line) && line.time_ns < since_ns;
	if (r < 0)
		return r;
	if (!before) {
		log_text_rewind(text);
		return 0;
	}
	r = log_text_seek_time(text, since_ns);
	return r < 0 ? r : 1;
}

/* Goes to what is wanted of this file. 1: nothing of an older one is; 0: it may be; -errno. */
static int seek(struct log_source *source, uint64_t *missing)
{
	struct log_text *text = &source->text;
	int64_t until_ns = source->query->until_ns;
	int r = 0;

	if (until_ns && !text->archive)
		r = log_text_end_at_time(text, until_ns);
	if (r == 0 && source->tail != LOG_TAIL_ALL)
		return log_text_seek_tail(text, missing, until_ns);
	if (r == 0 && source->query->since_ns)
		return begins_before(text, source->query->since_ns);
	return r;
}

static void limit(struct log_source *source)
{
	struct log_text *text = &source->text;

	if (text->device == source->end_device && text->inode == source->end_inode &&
	    text->limit > source->end_offset)
		text->limit = source->end_offset;
}

static int open_file(struct log_source *source, int dirfd, const struct log_file *file,
		     struct error *err)
{
	int r = log_text_open(&source->text, dirfd, file, err);

	if (r == 0)
		limit(source);
	return r;
}

static void note_end(struct log_source *source, const struct log_file *last)
{
	if (source->query->follow)
		return;
	source->end_device = last->device;
	source->end_inode = last->inode;
	source->end_offset = last->size;
}

/* Back from the newest to the one where what is wanted begins. 0, -ESTALE or another -errno. */
static int open_first(struct log_source *source, int dirfd, const struct log_listing *files,
		      struct error *err)
{
	uint64_t missing = source->tail == LOG_TAIL_ALL ? 0 : (uint64_t)source->tail;
	size_t first, end;
	int r = 0;

	choose(source, files, &first, &end);
	if (first == end)
		return 0;
	note_end(source, &files->items[end - 1]);
	for (size_t i = end; r == 0 && i-- > first;) {
		log_text_close(&source->text);
		r = open_file(source, dirfd, &files->items[i], err);
		if (r == 0)
			r = seek(source, &missing);
	}
	if (r < 0)
		log_text_close(&source->text);
	return r < 0 ? r : 0;
}

/* Whether its first line is of the time of the last one that was read, or later. 1, 0 or -errno. */
static int begins_later(const struct log_source *source, struct log_text *text)
{
	struct log_piece piece;
	struct log_line line;
	int r;

	while ((r = log_text_next(text, &piece)) > 0) {
		if (!piece.continues && log_line_parse(piece.data, piece.len, &line))
			return line.time_ns >= source->last_ns;
	}
	return r < 0 ? r : 1;
}

/* The file that was read is gone, read to its end: the one that came after it. 0 or -errno. */
static int open_after_lost(struct log_source *source, int dirfd, const struct log_listing *files,
			   struct error *err)
{
	size_t i, end;
	int r = 0;

	choose(source, files, &i, &end);
	for (; r == 0 && i < end; i++) {
		r = open_file(source, dirfd, &files->items[i], err);
		if (r == 0)
			r = begins_later(source, &source->text);
		log_text_close(&source->text);
		if (r == 1)
			return open_file(source, dirfd, &files->items[i], err);
	}
	return r;
}

int log_source_begin(struct log_source *source, struct error *err)
{
	int r, tries = 0;

	do {
		AUTO_CLOSE int dirfd = -1;
		AUTO(log_listing_fini) struct log_listing files = { 0 };

		r = list(source, &dirfd, &files, err);
		if (r == 0 && dirfd >= 0)
			r = source->lost ? open_after_lost(source, dirfd, &files, err)
					 : open_first(source, dirfd, &files, err);
	} while (r == -ESTALE && ++tries < TRIES_MAX);
	source->tail = LOG_TAIL_ALL; /* what comes from now on is new */
	source->sealed = false;
	source->lost &= !log_text_is_open(&source->text);
	return r;
}

/* ---- the next file ---- */

static void leave(struct log_source *source)
{
	source->from_run = source->text.run;
	source->lost = true; /* until the next one is open */
	source->sealed = false;
	log_text_close(&source->text);
}

/* 1: read on. @next NULL: it has to be looked for. */
static int go_on(struct log_source *source, int dirfd, const struct log_file *next,
		 struct error *err)
{
	int r;

	if (!source->sealed) { /* it was written to before the next one began */
		source->sealed = true;
		return 1;
	}
	if (next && source->query->runs == LOG_RUNS_PREVIOUS && next->run != source->text.run) {
		source->ended = true;
		return 0;
	}
	leave(source);
	if (!next)
		return 1;
	r = open_file(source, dirfd, next, err);
	source->lost = r < 0;
	return r < 0 ? r : 1;
}

/* A list that was made while files got other names may lack one of them. */
static bool is_somewhere(const struct log_text *text)
{
	struct stat stat;

	return fstat(text->fd, &stat) == 0 && stat.st_nlink > 0;
}

int log_source_advance(struct log_source *source, struct error *err)
{
	AUTO_CLOSE int dirfd = -1;
	AUTO(log_listing_fini) struct log_listing files = { 0 };
	const struct log_file *now;
	int r;

	source->ended |= source->text.limit != UINT64_MAX;
	if (source->ended)
		return 0;
	r = list(source, &dirfd, &files, err);
	if (r < 0)
		return r;
	now = log_listing_find(&files, source->text.device, source->text.inode);
	if (now && now + 1 < files.items + files.n)
		return go_on(source, dirfd, now + 1, err);
	if (!now && files.n && !is_somewhere(&source->text))
		return go_on(source, dirfd, NULL, err);
	source->ended = !source->query->follow;
	return 0;
}

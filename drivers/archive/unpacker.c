/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/unpacker.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <nettle/sha2.h>

#include "core/base/buf.h"
#include "drivers/archive/link_names.h"

enum {
	PIECE_COST_BYTES = 512, /* of a piece without data, in the queue */
	SHOWN_BYTES = 200,      /* of a name, in errors */
};

const struct unpacker_limits unpacker_usual_limits = {
	.entries = 100 * 1000,
	.bytes = 256ULL << 30,
	.ratio_from_bytes = 64 << 20,
	.ratio = 250, /* text packs to a tenth, a file of zeros by gzip to a thousandth */
};

struct given {
	struct list link;
	size_t len;
	char data[];
};

struct unpacker {
	struct loop *loop;
	struct unpacker_limits limits;
	struct unpacker_listener listener;
	struct work work;
	uv_async_t async;

	/* Under the mutex. */
	uv_mutex_t mutex;
	uv_cond_t changed;
	struct list in;  /* struct given.link */
	struct list out; /* struct unpacked.link */
	size_t in_bytes, out_bytes;
	bool in_ended, cancelled, ended;
	bool wants_room;          /* somebody was told that there is none */
	bool has_room, has_piece; /* to be said */
	uint64_t unpacked_bytes;
	int status;
	struct error err;

	/* The thread's. */
	struct archive *archive;
	struct given *reading; /* libarchive has its data */
	size_t entries;
	uint64_t claimed_bytes; /* by the entries so far */

	void (*closed)(void *ctx);
	void *closed_ctx;
	bool done; /* the thread has ended */
};

void unpacked_free(struct unpacked *piece)
{
	if (!piece)
		return;
	free(piece->name);
	free(piece->target);
	free(piece);
}

/* ---- the thread ---- */

static void tell_loop(struct unpacker *u)
{
	uv_async_send(&u->async);
}

/* The next bytes, or the end of them; waits. */
static la_ssize_t read_more(struct archive *archive, void *ctx, const void **ret_data)
{
	struct unpacker *u = ctx;
	struct list *first;
	bool cancelled;

	free(take_ptr(u->reading));
	uv_mutex_lock(&u->mutex);
	while (list_empty(&u->in) && !u->in_ended && !u->cancelled)
		uv_cond_wait(&u->changed, &u->mutex);
	cancelled = u->cancelled;
	first = cancelled ? NULL : list_pop(&u->in);
	if (first) {
		u->reading = list_entry(first, struct given, link);
		u->in_bytes -= u->reading->len;
		u->has_room = u->wants_room;
		if (u->has_room)
			tell_loop(u);
	}
	uv_mutex_unlock(&u->mutex);
	if (cancelled)
		archive_set_error(archive, ECANCELED, "cancelled");
	*ret_data = u->reading ? u->reading->data : NULL;
	return cancelled ? ARCHIVE_FATAL : u->reading ? (la_ssize_t)u->reading->len : 0;
}

/* Takes @piece; waits for a place. */
static int put(struct unpacker *u, struct unpacked *piece, struct error *err)
{
	bool cancelled;

	uv_mutex_lock(&u->mutex);
	while (u->out_bytes >= UNPACKER_OUT_BYTES && !u->cancelled)
		uv_cond_wait(&u->changed, &u->mutex);
	cancelled = u->cancelled;
	if (!cancelled) {
		list_append(&u->out, &piece->link);
		u->out_bytes += piece->len + PIECE_COST_BYTES;
		u->unpacked_bytes += piece->len;
		u->has_piece = true;
		tell_loop(u);
	}
	uv_mutex_unlock(&u->mutex);
	if (!cancelled)
		return 0;
	unpacked_free(piece);
	return error_set(err, -ECANCELED, "cancelled");
}

static int archive_error(const struct unpacker *u, const char *what, struct error *err)
{
	const char *text = archive_error_string(u->archive);

	return error_set(err, -EBADMSG, "%s: %.500s", what, text ? text : "no reason given");
}

/* Far more than came is nothing that anybody would send; @claimed counts what is not even in the
 * archive, the holes of a file. */
static int check_ratio(const struct unpacker *u, uint64_t claimed, struct error *err)
{
	uint64_t came = (uint64_t)archive_filter_bytes(u->archive, -1);
	uint64_t read = (uint64_t)archive_filter_bytes(u->archive, 0);
	uint64_t unpacked = claimed > read ? claimed : read;

	if (unpacked <= u->limits.ratio_from_bytes + came * u->limits.ratio)
		return 0;
	return error_set(err, -EFBIG,
			 "%llu bytes unpack to more than %llu: that is no archive of images",
			 (unsigned long long)came, (unsigned long long)unpacked);
}

static struct unpacked *new_piece(enum unpacked_kind kind, size_t len)
{
	struct unpacked *piece = xcalloc(1, sizeof(*piece) + len);

	piece->kind = kind;
	return piece;
}

static void end_file(struct unpacked *piece, struct sha256_ctx *hash)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char *to = piece->digest + strlen("sha256:");

	sha256_digest(hash, sizeof(digest), digest);
	memcpy(piece->digest, "sha256:", strlen("sha256:"));
	for (size_t i = 0; i < sizeof(digest); i++, to += 2)
		snprintf(to, 3, "%02x", digest[i]);
	piece->last = true;
}

/* The next piece of a file of which @left bytes follow. */
static int put_data(struct unpacker *u, uint64_t *left, struct sha256_ctx *hash, struct error *err)
{
	size_t len = *left < UNPACKER_PIECE_BYTES ? (size_t)*left : UNPACKER_PIECE_BYTES;
	struct unpacked *piece = new_piece(UNPACKED_DATA, len);
	la_ssize_t got = archive_read_data(u->archive, piece->data, len);

	if (got <= 0) {
		unpacked_free(piece);
		return got < 0 ? archive_error(u, "the archive is damaged", err)
			       : error_set(err, -EBADMSG, "the archive ends within a file");
	}
	piece->len = (size_t)got;
	sha256_update(hash, piece->len, (const uint8_t *)piece->data);
	*left -= piece->len;
	if (!*left)
		end_file(piece, hash);
	return put(u, piece, err);
}

static int put_file(struct unpacker *u, char *name, uint64_t size, struct error *err)
{
	struct unpacked *piece = new_piece(UNPACKED_FILE, 0);
	struct sha256_ctx hash;
	uint64_t left = size, before = u->claimed_bytes;
	int r;

	sha256_init(&hash);
	piece->name = name;
	piece->size = size;
	if (!size)
		end_file(piece, &hash);
	u->claimed_bytes += size;
	r = put(u, piece, err);
	while (r == 0 && left > 0) {
		r = put_data(u, &left, &hash, err);
		if (r == 0)
			r = check_ratio(u, before + size - left, err);
	}
	return r;
}

static int put_link(struct unpacker *u, const char *name, const char *target, bool symbolic,
		    struct error *err)
{
	struct unpacked *piece = new_piece(UNPACKED_LINK, 0);

	piece->name = xstrdup(name);
	piece->target = symbolic ? entry_link(name, target) : entry_name(target);
	if (piece->target)
		return put(u, piece, err);
	unpacked_free(piece);
	return error_set(err, -EBADMSG, "entry \"%.*s\" is a link out of the archive: \"%.*s\"",
			 SHOWN_BYTES, name, SHOWN_BYTES, target);
}

static int check_size(const struct unpacker *u, const char *name, int64_t size, struct error *err)
{
	if (size >= 0 && (uint64_t)size <= u->limits.bytes - u->claimed_bytes)
		return 0;
	return error_set(err, -EFBIG,
			 "entry \"%.*s\" has %lld bytes: more than %llu in all are not "
			 "taken",
			 SHOWN_BYTES, name, (long long)size, (unsigned long long)u->limits.bytes);
}

static int put_entry(struct unpacker *u, struct archive_entry *entry, struct error *err)
{
	const char *path = archive_entry_pathname(entry), *hard = archive_entry_hardlink(entry);
	AUTO_FREE char *name = path ? entry_name(path) : NULL;
	int r;

	if (++u->entries > u->limits.entries)
		return error_set(err, -EFBIG, "the archive has more than %zu entries",
				 u->limits.entries);
	if (!name)
		return error_set(err, -EBADMSG,
				 "the name of entry \"%.*s\" leads out of the archive, or is too "
				 "long",
				 SHOWN_BYTES, path ? path : "?");
	if (hard)
		return put_link(u, name, hard, false, err);
	if (archive_entry_filetype(entry) == AE_IFLNK)
		return put_link(u, name, archive_entry_symlink(entry) ?: "", true, err);
	if (archive_entry_filetype(entry) != AE_IFREG || !*name)
		return 0;
	r = check_size(u, name, archive_entry_size(entry), err);
	return r < 0 ? r : put_file(u, take_ptr(name), (uint64_t)archive_entry_size(entry), err);
}

/* 1, or 0: there is none. */
static int next_entry(struct unpacker *u, struct archive_entry **ret_entry, struct error *err)
{
	int r = archive_read_next_header(u->archive, ret_entry);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r < ARCHIVE_WARN)
		return archive_error(u,
				     u->entries ? "the archive is damaged"
						: "no tar, plain or packed by gzip or zstd",
				     err);
	return 1;
}

static int read_entries(struct unpacker *u, struct error *err)
{
	struct archive_entry *entry;
	int r = 1;

	if (archive_read_open(u->archive, u, NULL, read_more, NULL) != ARCHIVE_OK)
		return archive_error(u, "no tar, plain or packed by gzip or zstd", err);
	while (r > 0) {
		r = next_entry(u, &entry, err);
		if (r > 0)
			r = check_ratio(u, 0, err) < 0 || put_entry(u, entry, err) < 0 ? err->code
										       : 1;
	}
	return r;
}

/* Only what images come in: each further format is one more that strangers could aim at. */
static struct archive *new_archive(void)
{
	struct archive *archive = archive_read_new();

	check(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	return archive;
}

static void run(struct work *work)
{
	struct unpacker *u = container_of(work, struct unpacker, work);
	struct error err = { 0 };
	int r;

	u->archive = new_archive();
	r = read_entries(u, &err);
	archive_read_free(u->archive);
	free(take_ptr(u->reading));
	uv_mutex_lock(&u->mutex);
	u->ended = u->has_piece = u->has_room = true;
	u->status = u->cancelled ? -ECANCELED : r;
	u->err = err;
	tell_loop(u);
	uv_mutex_unlock(&u->mutex);
}

/* ---- the loop ---- */

static void on_async(uv_async_t *async)
{
	struct unpacker *u = container_of(async, struct unpacker, async);
	bool room, piece;

	uv_mutex_lock(&u->mutex);
	room = u->has_room;
	piece = u->has_piece;
	u->has_room = u->has_piece = false;
	if (room)
		u->wants_room = false;
	uv_mutex_unlock(&u->mutex);
	if (piece && !u->closed)
		u->listener.on_piece(u->listener.ctx);
	if (room && !u->closed)
		u->listener.on_room(u->listener.ctx);
}

static void free_queues(struct unpacker *u)
{
	struct given *given;
	struct unpacked *piece;

	list_for_each(given, &u->in, link) {
		list_remove(&given->link);
		free(given);
	}
	list_for_each(piece, &u->out, link) {
		list_remove(&piece->link);
		unpacked_free(piece);
	}
}

static void on_async_closed(uv_handle_t *handle)
{
	struct unpacker *u = container_of((uv_async_t *)handle, struct unpacker, async);
	void (*closed)(void *ctx) = u->closed;
	void *ctx = u->closed_ctx;

	free_queues(u);
	uv_cond_destroy(&u->changed);
	uv_mutex_destroy(&u->mutex);
	free(u);
	closed(ctx);
}

static void maybe_close(struct unpacker *u)
{
	if (u->done && u->closed)
		uv_close((uv_handle_t *)&u->async, on_async_closed);
}

static void on_done(struct work *work)
{
	struct unpacker *u = container_of(work, struct unpacker, work);

	u->done = true;
	maybe_close(u);
}

struct unpacker *unpacker_open(struct loop *loop, const struct unpacker_limits *limits,
			       const struct unpacker_listener *listener)
{
	struct unpacker *u = xnew(struct unpacker);

	u->loop = loop;
	u->limits = *limits;
	u->listener = *listener;
	list_init(&u->in);
	list_init(&u->out);
	check(uv_mutex_init(&u->mutex) == 0 && uv_cond_init(&u->changed) == 0);
	check(uv_async_init(&loop->uv, &u->async, on_async) == 0);
	loop_work_apart(loop, &u->work, run, on_done);
	return u;
}

size_t unpacker_room(struct unpacker *u)
{
	size_t room;

	uv_mutex_lock(&u->mutex);
	/* What follows the end of the archive is padding: taken, and not kept. */
	room = u->ended || u->in_bytes < UNPACKER_IN_BYTES
		       ? UNPACKER_IN_BYTES - (u->ended ? 0 : u->in_bytes)
		       : 0;
	u->wants_room = room == 0;
	uv_mutex_unlock(&u->mutex);
	return room;
}

void unpacker_give(struct unpacker *u, const void *data, size_t len)
{
	struct given *given = xcalloc(1, sizeof(*given) + len);

	given->len = len;
	memcpy(given->data, data, len);
	uv_mutex_lock(&u->mutex);
	if (u->ended) {
		free(given);
	} else {
		list_append(&u->in, &given->link);
		u->in_bytes += len;
		uv_cond_signal(&u->changed);
	}
	uv_mutex_unlock(&u->mutex);
}

void unpacker_end_input(struct unpacker *u)
{
	uv_mutex_lock(&u->mutex);
	u->in_ended = true;
	uv_cond_signal(&u->changed);
	uv_mutex_unlock(&u->mutex);
}

struct unpacked *unpacker_next(struct unpacker *u)
{
	struct list *first;
	struct unpacked *piece = NULL;

	uv_mutex_lock(&u->mutex);
	first = list_pop(&u->out);
	if (first) {
		piece = list_entry(first, struct unpacked, link);
		u->out_bytes -= piece->len + PIECE_COST_BYTES;
		uv_cond_signal(&u->changed);
	}
	uv_mutex_unlock(&u->mutex);
	return piece;
}

uint64_t unpacker_bytes(struct unpacker *u)
{
	uint64_t bytes;

	uv_mutex_lock(&u->mutex);
	bytes = u->unpacked_bytes;
	uv_mutex_unlock(&u->mutex);
	return bytes;
}

bool unpacker_ended(struct unpacker *u, int *ret_status, struct error *ret_err)
{
	bool ended;

	uv_mutex_lock(&u->mutex);
	ended = u->ended && list_empty(&u->out);
	if (ended) {
		*ret_status = u->status;
		*ret_err = u->err;
	}
	uv_mutex_unlock(&u->mutex);
	return ended;
}

void unpacker_close(struct unpacker *u, void (*closed)(void *ctx), void *ctx)
{
	u->closed = closed;
	u->closed_ctx = ctx;
	uv_mutex_lock(&u->mutex);
	u->cancelled = true;
	uv_cond_broadcast(&u->changed);
	uv_mutex_unlock(&u->mutex);
	maybe_close(u);
}

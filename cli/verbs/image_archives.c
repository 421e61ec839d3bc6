/* SPDX-License-Identifier: Apache-2.0 */
/* kuke image load and save: an archive from a file or a pipe, or to one, in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "cli/show/images.h"
#include "cli/show/table.h"
#include "cli/verbs/image.h"

enum { PIECE_BYTES = 256 << 10 };

/* Where -f says; @standard for "-" or nothing. -errno with words. */
static int open_archive(const struct args *args, int flags, int standard, struct error *err)
{
	const char *path = args->files.n ? args->files.items[0] : "-";
	int fd;

	if (args->files.n > 1)
		return error_set(err, -EINVAL, "one archive at a time");
	if (!str_equal(path, "-")) {
		fd = open(path, flags | O_CLOEXEC, 0666);
		return fd < 0 ? error_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
	}
	if (isatty(standard))
		return error_set(err, -EINVAL,
				 "the archive is not for a terminal: -f FILE, or a pipe");
	return dup(standard);
}

/* ---- load ---- */

struct loading {
	const struct io *io;
	int fd;
	Api__LoadImagesRequest piece;
	uint8_t data[PIECE_BYTES];
	struct error err; /* of reading; code 0: none */
	bool ended;       /* the last piece was sent */
	bool done;        /* the last word came */
};

static bool next_piece(void *ctx, const Api__LoadImagesRequest **ret_piece)
{
	struct loading *loading = ctx;
	ssize_t n;

	*ret_piece = NULL;
	if (loading->ended)
		return true;
	do
		n = read(loading->fd, loading->data, sizeof(loading->data));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		error_set(&loading->err, -errno, "cannot read the archive: %s", strerror(errno));
		return false;
	}
	loading->piece = (Api__LoadImagesRequest)API__LOAD_IMAGES_REQUEST__INIT;
	loading->piece.has_data = true;
	loading->piece.data.data = loading->data;
	loading->piece.data.len = (size_t)n;
	loading->piece.has_last = loading->piece.last = loading->ended = n == 0;
	*ret_piece = &loading->piece;
	return true;
}

static void show_loading(const struct io *io, const Api__LoadProgress *progress)
{
	AUTO_BUF struct buf text = { 0 };

	if (!io->progress)
		return;
	bytes_add(progress->taken, &text);
	fprintf(io->err, "\r\033[2K%s%s",
		progress->n_images ? "" : "loading: ", progress->n_images ? "" : text.data);
	fflush(io->err);
}

static bool on_load_progress(const ProtobufCMessage *message, void *ctx)
{
	const Api__LoadProgress *progress = (const Api__LoadProgress *)message;
	struct loading *loading = ctx;

	show_loading(loading->io, progress);
	for (size_t i = 0; i < progress->n_images; i++) {
		fputs("Image \"", loading->io->out);
		text_print(progress->images[i]->name, loading->io->out);
		fputs("\": loaded ", loading->io->out);
		text_print(progress->images[i]->digest, loading->io->out);
		fputc('\n', loading->io->out);
		loading->done = true;
	}
	return true;
}

static enum cli_exit load_from(struct loading *loading, const struct args *args, struct error *err)
{
	Api__LoadImagesRequest first = API__LOAD_IMAGES_REQUEST__INIT;
	int rc;

	first.realm = (char *)image_realm(args);
	rc = client_load_images(client_new(args->socket), &first, next_piece, on_load_progress,
				loading, err);
	if (rc < 0 && loading->io->progress)
		fputs("\r\033[2K", loading->io->err);
	if (loading->err.code) {
		*err = loading->err;
		return CLI_FAILED;
	}
	if (rc == 0 && !loading->done)
		rc = error_set(err, -EIO, "kukeond ended without saying what was loaded");
	return client_exit(rc);
}

enum cli_exit image_load(const struct args *args, const struct io *io, struct error *err)
{
	AUTO_FREE struct loading *loading = xnew(struct loading);
	int fd AUTO_CLOSE = open_archive(args, O_RDONLY, STDIN_FILENO, err);

	if (fd < 0)
		return err->code == -EINVAL ? CLI_USAGE : CLI_FAILED;
	loading->io = io;
	loading->fd = fd;
	return load_from(loading, args, err);
}

/* ---- save ---- */

struct saving {
	int fd;
	uint64_t written;
	struct error err; /* of writing; code 0: none */
};

static int write_all(int fd, const uint8_t *data, size_t len, struct error *err)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "cannot write the archive: %s",
					 strerror(errno));
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static bool on_chunk(const ProtobufCMessage *message, void *ctx)
{
	const Api__SaveImagesChunk *chunk = (const Api__SaveImagesChunk *)message;
	struct saving *saving = ctx;

	saving->written += chunk->data.len;
	return write_all(saving->fd, chunk->data.data, chunk->data.len, &saving->err) == 0;
}

/* What is not whole does not stay under the name that was asked for. */
static void drop_file(const struct args *args)
{
	if (args->files.n && !str_equal(args->files.items[0], "-"))
		unlink(args->files.items[0]);
}

static enum cli_exit save_to(struct saving *saving, const struct args *args, struct error *err)
{
	Api__SaveImagesRequest request = API__SAVE_IMAGES_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	request.names = (char **)image_names(args);
	request.n_names = image_n_names(args);
	rc = client_save_images(client_new(args->socket), &request, on_chunk, saving, err);
	if (saving->err.code) {
		*err = saving->err;
		rc = -EIO;
	}
	if (rc < 0)
		drop_file(args);
	return client_exit(rc);
}

enum cli_exit image_save(const struct args *args, const struct io *io UNUSED, struct error *err)
{
	struct saving saving = { 0 };
	int fd AUTO_CLOSE = open_archive(args, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO, err);

	if (fd < 0)
		return err->code == -EINVAL ? CLI_USAGE : CLI_FAILED;
	saving.fd = fd;
	return save_to(&saving, args, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>

struct tar_writer {
	struct archive *archive;
	struct buf *out;
};

static la_ssize_t on_write(struct archive *archive UNUSED, void *ctx, const void *data, size_t len)
{
	buf_add(((struct tar_writer *)ctx)->out, data, len);
	return (la_ssize_t)len;
}

struct tar_writer *tar_writer_new(struct buf *out)
{
	struct tar_writer *writer = xnew(struct tar_writer);

	writer->out = out;
	writer->archive = archive_write_new();
	check(writer->archive);
	check(archive_write_set_format_pax_restricted(writer->archive) == ARCHIVE_OK);
	archive_write_set_bytes_per_block(writer->archive, 0);     /* at once, */
	archive_write_set_bytes_in_last_block(writer->archive, 1); /* and no padding of ours */
	check(archive_write_open(writer->archive, writer, NULL, on_write, NULL) == ARCHIVE_OK);
	return writer;
}

void tar_writer_free(struct tar_writer *writer)
{
	if (!writer)
		return;
	archive_write_free(writer->archive);
	free(writer);
}

void tar_writer_file(struct tar_writer *writer, const char *name, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();

	check(entry);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, (la_int64_t)size);
	check(archive_write_header(writer->archive, entry) == ARCHIVE_OK);
	archive_entry_free(entry);
}

void tar_writer_data(struct tar_writer *writer, const void *data, size_t len)
{
	check(archive_write_data(writer->archive, data, len) == (la_ssize_t)len);
}

void tar_writer_end(struct tar_writer *writer)
{
	check(archive_write_close(writer->archive) == ARCHIVE_OK);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* kukeon-log-compress: standard input to standard output, as zstd; on the disk when it ends with 0.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/base/util.h"

enum { CHUNK_BYTES = 64 * 1024, NICE = 10 };

static bool write_header(struct archive *archive)
{
	struct archive_entry *entry = archive_entry_new();
	bool is_written;

	archive_entry_set_pathname(entry, "log");
	archive_entry_set_filetype(entry, AE_IFREG);
	is_written = archive_write_header(archive, entry) == ARCHIVE_OK;
	archive_entry_free(entry);
	return is_written;
}

static bool copy(struct archive *archive)
{
	static char chunk[CHUNK_BYTES];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
		if (archive_write_data(archive, chunk, (size_t)n) != n)
			return false;
	}
	return n == 0;
}

static bool compress_all(struct archive *archive)
{
	return archive_write_add_filter_zstd(archive) == ARCHIVE_OK &&
	       archive_write_set_format_raw(archive) == ARCHIVE_OK &&
	       archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
	       archive_write_open_fd(archive, STDOUT_FILENO) == ARCHIVE_OK &&
	       write_header(archive) && copy(archive) && archive_write_close(archive) == ARCHIVE_OK;
}

int main(void)
{
	struct archive *archive = archive_write_new();
	bool is_good;

	setpriority(PRIO_PROCESS, 0, NICE);
	check(archive != NULL);
	is_good = compress_all(archive) && fsync(STDOUT_FILENO) == 0;
	archive_write_free(archive);
	return is_good ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's file, with space in reserve, so that what the journal needs to keep cells running
 * is there also when the filesystem is full:
 *
 *   <path>         has blocks behind its end (they do not count in its size) for what is appended;
 *   <path>.spare   has blocks for all live records, and becomes <path> when that is written anew.
 *
 * Each is restored as soon as there is space again. Where a filesystem can reserve nothing, the
 * journal works without. Everything here blocks.
 */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"

#define JOURNAL_SPARE ".spare"

enum {
	/* On top of the live records; some hundred restarts of a root container. */
	JOURNAL_RESERVE_BYTES = 256 * 1024,
};

struct journal_file {
	char *path, *spare;
	int fd;             /* -1: not open */
	off_t end;          /* where the file ends */
	off_t reserved_end; /* where its blocks end, as far as is known */
	off_t spare_bytes;  /* blocks of the spare file, as far as is known */
};

void journal_file_init(struct journal_file *file, const char *path);
void journal_file_fini(struct journal_file *file);

/* Opens the file that is there; what stands behind @end is cut off. */
int journal_file_open(struct journal_file *file, off_t end, struct error *err);

/* Not on the disk yet when it returns. After a failure the file ends where it did. */
int journal_file_append(struct journal_file *file, const void *data, size_t len, struct error *err);

/* All of the file in one step; it is on the disk when this returns. After a failure the file is as
 * it was. */
int journal_file_replace(struct journal_file *file, const void *data, size_t len,
			 struct error *err);

/* Makes up for what is missing of the reserves; @live_bytes: what a new file would hold. */
void journal_file_reserve(struct journal_file *file, size_t live_bytes);

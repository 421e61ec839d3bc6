/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log files of one container: of each run "<run>.log", older "<run>.log.1", ".2" and so on, the
 * older ones with ".zst" behind it when they are compressed.
 */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"
#include "core/base/util.h"

enum { LOG_FILE_NAME_MAX = 64 };

struct log_file {
	uint64_t run;
	unsigned number; /* 0: the one that is written */
	bool packed;
	dev_t device;
	ino_t inode;
	uint64_t size;
	char name[LOG_FILE_NAME_MAX];
};

/* The oldest first. A zeroed struct is empty. */
struct log_listing {
	struct log_file *items;
	size_t n;
};

bool log_file_name_parse(const char *name, struct log_file *ret);

/* Lists those of @dirfd. 0 or -errno. */
int log_listing_read(int dirfd, struct log_listing *ret, struct error *err);
void log_listing_fini(struct log_listing *files);

/* The file that is this one now, whatever it is called; NULL: it is there no more. */
const struct log_file *log_listing_find(const struct log_listing *files, dev_t device, ino_t inode);

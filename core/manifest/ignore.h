/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file .kukeonignore in a directory of manifests: which names in it and below are no manifests
 * of ours. One pattern a line, in the form of git's ignore files: "#" begins a comment, "!" takes
 * in again, a "/" at the end names directories only, one elsewhere ties the pattern to the file's
 * directory, "*", "?" and "[a-z]" stand for what a name may have there, the name "**" for any
 * directories. The last pattern that matches decides; the file deeper down before those above it.
 * What is in a directory that is ignored cannot be taken in again. Pure.
 */
#pragma once

#include <stdint.h>

#include "core/base/error.h"
#include "core/base/util.h"

#define IGNORE_FILE_NAME ".kukeonignore"

enum {
	IGNORE_FILE_MAX_BYTES = 64 * 1024,
	IGNORE_PATTERNS_MAX = 1000,
	IGNORE_PATTERN_MAX_BYTES = 256,
	IGNORE_NAMES_MAX = 32, /* of a pattern, between its slashes */
	/* Of ignore_judge(), for all files of a directory tree: a fraction of a second. Ten
	 * thousand files and a hundred usual patterns take a hundredth of it. */
	IGNORE_STEPS_MAX = 100 * 1000 * 1000,
};

struct ignore_pattern {
	char *text;                          /* its names, each ended by a NUL */
	const char *names[IGNORE_NAMES_MAX]; /* into @text; NULL: any number of directories */
	unsigned n_names;
	bool takes_in, directories_only;
};

/* A zeroed struct ignores nothing. */
struct ignore {
	struct ignore_pattern *patterns;
	size_t n;
};

/* @shown: the file in messages, which name the line. 0 or -EINVAL, and @ret_ignore is as it was. */
int ignore_parse(const char *shown, const char *data, size_t len, struct ignore *ret_ignore,
		 struct error *err);
void ignore_fini(struct ignore *ignore);

enum ignore_verdict {
	IGNORE_SAYS_NOTHING,
	IGNORE_YES,
	IGNORE_NO, /* taken in, whatever the files above say */
};

/* @path: below the file's directory. Adds to @steps what it costs. */
enum ignore_verdict ignore_judge(const struct ignore *ignore, const char *path, bool is_directory,
				 uint64_t *steps);

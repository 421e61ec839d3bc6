/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that cannot be read, or that do not tell the types of what is in them. For one source
 * file of a test program: its readdir() and opendir() are those of all that is linked into it. */
#pragma once

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

struct bad_dirs {
	bool no_types;         /* as on a filesystem that does not tell them */
	const char *unlisted;  /* a directory whose path ends so is not opened, with @code */
	const char *cut_after; /* readdir() fails with @code after the entry of this name */
	int code;
};

static struct bad_dirs bad_dirs;

static bool bad_dirs_ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = end ? strlen(end) : 0;

	return end && len >= end_len && strcmp(path + len - end_len, end) == 0;
}

DIR *opendir(const char *path)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

	if (!bad_dirs_ends_with(path, bad_dirs.unlisted))
		return real(path);
	errno = bad_dirs.code;
	return NULL;
}

struct dirent *readdir(DIR *dir)
{
	static bool cut;
	struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
	struct dirent *entry = cut ? NULL : real(dir);

	if (cut)
		errno = bad_dirs.code;
	cut = entry && bad_dirs.cut_after && strcmp(entry->d_name, bad_dirs.cut_after) == 0;
	if (entry && bad_dirs.no_types)
		entry->d_type = DT_UNKNOWN;
	return entry;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file named, and every file in the directories named. For compilers
 * without libFuzzer. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"

enum { INPUT_MAX_BYTES = 4 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay_file(const char *path)
{
	AUTO_BUF struct buf content = { 0 };
	AUTO_FREE uint8_t *exact = NULL;
	struct error err;

	if (fs_read_file(AT_FDCWD, path, INPUT_MAX_BYTES, &content, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	exact = xcalloc(content.len,
			1); /* of the exact size, so that a read behind the end is seen */
	if (content.len)
		memcpy(exact, content.data, content.len);
	LLVMFuzzerTestOneInput(exact, content.len);
	return 1;
}

static int replay(const char *path);

static int replay_directory(DIR *dir, const char *path)
{
	struct dirent *entry;
	int count = 0;

	while (count >= 0 && (entry = readdir(dir))) {
		AUTO_FREE char *file = xasprintf("%s/%s", path, entry->d_name);
		int n = entry->d_name[0] == '.' ? 0 : replay(file);

		count = n < 0 ? -1 : count + n;
	}
	return count;
}

/* How many inputs ran; -1 after an error. */
static int replay(const char *path)
{
	DIR *dir = opendir(path);
	int count;

	if (!dir)
		return replay_file(path);
	count = replay_directory(dir, path);
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);

		if (n < 0)
			return 1;
		count += n;
	}
	printf("%d inputs\n", count);
	return count ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/base/wall.h"

/* One line per hierarchy, each with a path. */
enum { CGROUP_FILE_MAX_BYTES = 64 * 1024 };

bool self_is_below(const char *key)
{
	size_t len = strlen(key);

	return strncmp(SELF_KEY, key, len) == 0 && SELF_KEY[len] == '/';
}

bool self_is_key(const char *key)
{
	return str_equal(key, SELF_KEY);
}

char *self_parse_cgroup(const char *text)
{
	static const char v2[] = "0::";

	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");

		if (str_starts_with(line, v2))
			return xstrndup(line + strlen(v2), len - strlen(v2));
		line += len + (line[len] == '\n');
	}
	return NULL;
}

void self_read(struct self *ret_self)
{
	static int64_t started_ms; /* one process, one start */
	AUTO_BUF struct buf text = { 0 };

	if (!started_ms)
		started_ms = wall_now_ms();
	*ret_self = (struct self){ .pid = getpid(), .started_ms = started_ms };
	if (fs_read_file(AT_FDCWD, "/proc/self/cgroup", CGROUP_FILE_MAX_BYTES, &text, NULL) == 0)
		ret_self->cgroup = self_parse_cgroup(text.data);
}

void self_fini(struct self *self)
{
	free(self->cgroup);
}

int self_execute(char **argv, struct error *err)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len > 0) {
		path[len] = '\0';
		if (str_ends_with(path, deleted)) /* an upgrade put a new file there */
			path[(size_t)len - strlen(deleted)] = '\0';
		execv(path, argv);
	}
	execv("/proc/self/exe", argv);
	return error_set(err, -errno, "cannot execute %s: %m", argv[0]);
}

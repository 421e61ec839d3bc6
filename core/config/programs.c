/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/programs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"

/* A user's PATH may leave them out, and sudo may keep that PATH. */
#define SYSTEM_DIRS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *host_find_in(const char *dirs, const char *name)
{
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		AUTO_FREE char *path = xasprintf("%.*s/%s", (int)len, dirs, name);

		if (len && is_program(path))
			return take_ptr(path);
		dirs += len + (dirs[len] == ':');
	}
	return NULL;
}

char *host_find_program(const char *name)
{
	char *path = host_find_in(getenv("PATH"), name);

	return path ? path : host_find_in(SYSTEM_DIRS, name);
}

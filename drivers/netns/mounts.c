/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netns/mounts.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>

enum {
	MOUNTS_MAX = 100 * 1000, /* a table that goes on and on must end */
	LINE_MAX_BYTES = 8192,
};

int mounts_below(const char *dir, struct strv *ret_paths, struct error *err)
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	AUTO_FREE char *prefix = xasprintf("%s/", dir);
	char line[LINE_MAX_BYTES];
	struct mntent entry;

	if (!file)
		return error_set(err, -errno, "cannot list the mounts of this host: %m");
	for (int n = 0; n < MOUNTS_MAX && getmntent_r(file, &entry, line, sizeof(line)); n++)
		if (str_starts_with(entry.mnt_dir, prefix) && !strv_has(ret_paths, entry.mnt_dir))
			strv_add(ret_paths, entry.mnt_dir);
	endmntent(file);
	return 0;
}

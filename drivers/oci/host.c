/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/host.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/model/capability.h"
#include "core/registry/platform.h"

/* A machine with more device nodes than that has a runaway udev; the spec would not fit into a
 * message. */
enum { DEVICES_MAX = 4096 };

enum { SCORE_MAX_BYTES = 16 };

static int read_oom_score_adj(void)
{
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, "/proc/self/oom_score_adj", SCORE_MAX_BYTES, &text, NULL) < 0)
		return 0;
	return text.data ? atoi(text.data) : 0;
}

void host_read(struct host *ret_host)
{
	const struct platform platform = platform_of_host();
	struct rlimit nofile;

	*ret_host = (struct host){ .nofile_max = 1024, .platform = platform };
	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0)
		ret_host->nofile_max = nofile.rlim_max;
	for (unsigned i = 0; capability_name(i); i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			ret_host->capabilities |= UINT64_C(1) << i;
	ret_host->oom_score_adj = read_oom_score_adj();
	if (!*platform.architecture)
		ret_host->platform.architecture = "amd64";
}

static bool is_private_filesystem(const FTSENT *entry)
{
	static const char *const names[] = { "pts", "shm", "mqueue", "fd", "hugepages" };

	if (entry->fts_level != 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(entry->fts_name, names[i]))
			return true;
	return false;
}

static void add_device(struct host_devices *devices, const char *path, const struct path_fact *fact)
{
	devices->items = xrealloc(devices->items, (devices->n + 1) * sizeof(devices->items[0]));
	devices->items[devices->n++] = (struct host_device){
		.path = xstrdup(path),
		.type = S_ISBLK(fact->mode) ? 'b' : 'c',
		.major = major(fact->rdev),
		.minor = minor(fact->rdev),
		.mode = fact->mode & 0777,
		.uid = fact->uid,
		.gid = fact->gid,
	};
}

int host_device_add(struct host_devices *devices, const char *target, const struct path_fact *fact)
{
	if (!S_ISCHR(fact->mode) && !S_ISBLK(fact->mode))
		return -ENODEV;
	add_device(devices, target, fact);
	return 0;
}

static void add_entry(struct host_devices *devices, const FTSENT *entry)
{
	const struct stat *st = entry->fts_statp;
	const struct path_fact fact = {
		.mode = st->st_mode, .rdev = st->st_rdev, .uid = st->st_uid, .gid = st->st_gid
	};

	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		add_device(devices, entry->fts_path, &fact);
}

void host_devices_read(const char *dir, struct host_devices *ret_devices)
{
	AUTO_FREE char *root = xstrdup(dir);
	char *const roots[] = { root, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	*ret_devices = (struct host_devices){ 0 };
	if (!walk)
		return;
	while (ret_devices->n < DEVICES_MAX && (entry = fts_read(walk))) {
		if (entry->fts_info == FTS_D && is_private_filesystem(entry))
			fts_set(walk, entry, FTS_SKIP);
		/* The console is runc's to make when there is a terminal. */
		if (entry->fts_info != FTS_DEFAULT || str_equal(entry->fts_path, "/dev/console"))
			continue;
		add_entry(ret_devices, entry);
	}
	fts_close(walk);
}

void host_devices_fini(struct host_devices *devices)
{
	for (size_t i = 0; i < devices->n; i++)
		free(devices->items[i].path);
	free(devices->items);
	*devices = (struct host_devices){ 0 };
}

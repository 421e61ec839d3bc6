/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host/host_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/host/host_run.h"
#include "core/base/fs.h"
#include "core/logs/log_names.h"
#include "core/logs/spool_reader.h"

enum { READER_LOOK_MS = 20, READER_LOOKS = 200 }; /* at kukeon-log while it ends */

static int make_directory(const char *path, const struct io *io, struct error *err)
{
	struct stat st;
	bool existed = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int r = existed ? 0 : fs_make_dirs(path, 0755, err);

	if (r == 0)
		fprintf(io->out, "Directory %s: %s\n", path,
			existed ? "already existed" : "created");
	return r;
}

int host_make_directories(const Api__Config *config, const struct io *io, struct error *err)
{
	const char *const paths[] = { config->run_path, config->runtime_dir, config->manifests_dir,
				      config->cni_conf_dir };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && r == 0; i++)
		r = make_directory(paths[i], io, err);
	return r;
}

int host_make_group(const struct io *io, struct error *err)
{
	AUTO_FREE char *program = NULL;
	const char *argv[] = { NULL, "--system", HOST_GROUP, NULL };
	int r;

	if (getgrnam(HOST_GROUP)) {
		fprintf(io->out, "Group " HOST_GROUP ": already existed\n");
		return 0;
	}
	argv[0] = program = host_find_program("groupadd");
	if (!program) {
		fprintf(io->out, "Group " HOST_GROUP ": not there, only root may use kuke (make "
				 "it by hand: no groupadd was found)\n");
		return 0;
	}
	r = host_run(argv, false, err);
	if (r < 0)
		return error_wrap(err, r, "cannot make the group " HOST_GROUP);
	fprintf(io->out, "Group " HOST_GROUP ": created\n");
	return 0;
}

/* ---- taking away ---- */

/* What lies in the directory by now; anything else is somebody else's. */
static const char *const run_files[] = {
	"kukeond.lock",      "kukeond.log",          "journal",
	"journal.damaged",   "journal.spare",        "journal.tail",
	"events.jsonl",      "events.jsonl.damaged", "events.jsonl.tmp",
	"resource.version",  "resource.version.tmp", "images.unused",
	"images.unused.tmp", LOG_SPOOL_NAME,         NULL
};
static const char *const runtime_files[] = { "kukeond.lock", "kukeond.sock", "netns", "ipam",
					     "resolv.conf",  "log",          NULL };

static int remove_directory(const char *path, const char *const files[], const struct io *io,
			    struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", path);
	for (size_t i = 0; files[i] && r == 0; i++) {
		if (unlinkat(fd, files[i], 0) == 0 || errno == ENOENT)
			continue;
		r = errno == EISDIR
			    ? fs_remove_tree(fd, files[i], err)
			    : error_set(err, -errno, "cannot remove %s/%s: %m", path, files[i]);
	}
	if (r < 0)
		return r;
	if (rmdir(path) < 0 && errno != ENOTEMPTY && errno != EBUSY)
		return error_set(err, -errno, "cannot remove %s: %m", path);
	fprintf(io->out, "Directory %s: %s\n", path,
		access(path, F_OK) < 0 ? "removed" : "not empty, left as it is");
	return 0;
}

/* False when nobody reads it. Who is held still has the lock: its pid is not another's by now. */
static bool signal_reader(const char *spool, int sig)
{
	pid_t pid = spool_reader(spool);
	AUTO_CLOSE int fd = pid > 1 ? pidfd_open(pid, 0) : -1;

	if (fd >= 0 && spool_reader(spool) == pid)
		pidfd_send_signal(fd, sig, NULL, 0);
	return pid;
}

/* kukeon-log, where systemd did not start it: of its own cgroup and log directory nothing is left
 * but what others put there. */
static void end_log_reader(const Api__Config *config)
{
	AUTO_FREE char *spool = xasprintf("%s/" LOG_SPOOL_NAME, config->run_path);
	AUTO_FREE char *cgroup = xasprintf("%s%s-log", config->cgroup_mount, config->cgroup_root);
	AUTO_FREE char *owner = xasprintf("%s/.kukeon", config->log_dir);
	const struct timespec pause = { .tv_nsec = READER_LOOK_MS * 1000000L };

	for (int i = 0; i < READER_LOOKS; i++) {
		if (!signal_reader(spool, i < READER_LOOKS / 2 ? SIGTERM : SIGKILL))
			break;
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < READER_LOOKS && rmdir(cgroup) < 0 && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
	unlink(owner);
	rmdir(config->log_dir);
}

static int remove_cgroup(const Api__Config *config, const struct io *io, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s%s", config->cgroup_mount, config->cgroup_root);

	if (rmdir(path) == 0)
		fprintf(io->out, "Cgroup %s: removed\n", config->cgroup_root);
	else if (errno == EBUSY)
		return error_set(err, -EBUSY,
				 "cgroup %s: something that is not Kukeon's lives in it; end it, "
				 "then run this again",
				 path);
	else if (errno != ENOENT)
		return error_set(err, -errno, "cannot remove cgroup %s: %m", path);
	return 0;
}

int host_remove_directories(const Api__Config *config, const struct io *io, struct error *err)
{
	int r = remove_cgroup(config, io, err);

	if (r == 0)
		end_log_reader(config);
	if (r == 0)
		r = remove_directory(config->runtime_dir, runtime_files, io, err);
	if (r == 0)
		r = remove_directory(config->run_path, run_files, io, err);
	return r;
}

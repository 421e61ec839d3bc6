/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/log.h"
#include "logger/writer.h"

enum { PATH_MAX_BYTES = 4096, FILE_MODE = 0640 };

#define PROGRAM "-compress" /* behind our own name */

static char *path_beside(const struct log_conf *conf)
{
	return xasprintf("%s/%llu.log.zst~", conf->dir, (unsigned long long)conf->run);
}

/* ---- begin ---- */

static bool program_path(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - sizeof(PROGRAM));

	if (n <= 0 || (size_t)n >= size - sizeof(PROGRAM))
		return false;
	memcpy(ret + n, PROGRAM, sizeof(PROGRAM));
	return true;
}

static int spawn(int in, int out, pid_t *ret)
{
	char path[PATH_MAX_BYTES], *const argv[] = { path, NULL }, *const env[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	if (!program_path(path, sizeof(path)))
		return -ENOENT;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(ret, path, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* The newest of the old files that is not compressed; -1: there is none. */
static int open_plain(const struct log_conf *conf)
{
	int fd = -1;

	for (unsigned int old = 1; old < conf->max_files && fd < 0; old++) {
		AUTO_FREE char *plain = log_file_path(conf->dir, conf->run, old, false);
		AUTO_FREE char *compressed = log_file_path(conf->dir, conf->run, old, true);

		if (access(compressed, F_OK) == 0)
			unlink(plain); /* we were killed between the two */
		fd = open(plain, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd;
}

/* One of an earlier kukeon-log may still be written to, by a program that nobody waits for. */
static int open_new(const char *path)
{
	unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
}

static int begin(struct logger *logger, struct entry *entry, int in)
{
	AUTO_FREE char *beside = path_beside(&entry->conf);
	AUTO_CLOSE int out = open_new(beside);
	struct stat st;
	pid_t pid;
	int r;

	if (out < 0 || fstat(in, &st) < 0)
		return -errno;
	(void)!fchown(out, (uid_t)-1, logger->gid);
	(void)!fchmod(out, FILE_MODE);
	/* Whoever waits for its end must find it here, however soon that is. */
	pthread_mutex_lock(&logger->lock);
	r = spawn(in, out, &pid);
	if (r == 0) {
		entry->compress.pid = pid;
		entry->compress.ino = st.st_ino;
		entry->compress.is_through = false;
	}
	pthread_mutex_unlock(&logger->lock);
	if (r < 0)
		unlink(beside);
	return r;
}

void compress_some(struct logger *logger, struct entry *entry)
{
	struct log_conf conf;
	int r = 0;

	pthread_mutex_lock(&logger->lock);
	conf = entry->conf;
	pthread_mutex_unlock(&logger->lock);
	if (!conf.compress || entry->compress.pid > 0)
		return;
	AUTO_CLOSE int in = open_plain(&conf);
	if (in >= 0)
		r = begin(logger, entry, in);
	if (r < 0)
		log_warning("an old log cannot be compressed: %s entry=%s", strerror(-r),
			    entry->name);
}

/* ---- end ---- */

/* The number that the file has by now, 0: it is gone. */
static unsigned int number_of(const struct log_conf *conf, uint64_t ino)
{
	struct stat st;

	for (unsigned int old = 1; old <= LOG_FILES_MAX; old++) {
		AUTO_FREE char *path = log_file_path(conf->dir, conf->run, old, false);

		if (stat(path, &st) == 0 && st.st_ino == ino)
			return old;
	}
	return 0;
}

static bool take_place(const struct log_conf *conf, const char *beside, uint64_t ino)
{
	unsigned int old = number_of(conf, ino);

	if (old == 0)
		return false;
	AUTO_FREE char *plain = log_file_path(conf->dir, conf->run, old, false);
	AUTO_FREE char *compressed = log_file_path(conf->dir, conf->run, old, true);
	if (rename(beside, compressed) < 0)
		return false;
	unlink(plain);
	return true;
}

void compress_finish(struct logger *logger, struct entry *entry)
{
	struct compress *compress = &entry->compress;
	bool is_through, is_good;

	pthread_mutex_lock(&logger->lock);
	is_through = compress->pid > 0 && compress->is_through;
	is_good = compress->is_good;
	if (is_through)
		compress->pid = 0;
	pthread_mutex_unlock(&logger->lock);
	if (!is_through)
		return;
	AUTO_FREE char *beside = path_beside(&entry->conf);
	if (!is_good)
		log_warning("an old log could not be compressed entry=%s", entry->name);
	if (!is_good || !take_place(&entry->conf, beside, compress->ino))
		unlink(beside);
	if (is_good) /* the others: when a file is full again */
		compress_some(logger, entry);
}

static void note_end(struct logger *logger, pid_t pid, bool is_good)
{
	struct entry *entry;

	list_for_each(entry, &logger->entries, link) {
		if (entry->compress.pid != pid)
			continue;
		entry->compress.is_through = true;
		entry->compress.is_good = is_good;
		writer_queue_locked(logger, entry);
	}
}

void compress_reap(struct logger *logger)
{
	int status;
	pid_t pid;

	pthread_mutex_lock(&logger->lock);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(logger, pid, WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pthread_mutex_unlock(&logger->lock);
}

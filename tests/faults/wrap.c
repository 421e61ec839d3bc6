/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build switch of the fault sweep: kukeond_faults is kukeond with this file linked in front of
 * every external act: calls to containerd, plugin runs, mounts, what is written, made, renamed or
 * removed in a filesystem (stored files, the journal, cgroups), and links that are removed. Nothing
 * in the product knows of it: the linker's --wrap sends the calls here.
 *
 * Every act has a number, from 1 on in the order in which they begin.
 *	KUKEON_FAULT=kill-before:<n>	the process dies by SIGKILL instead of act n
 *	KUKEON_FAULT=kill-after:<n>	it dies when act n is done, before anything learns of it
 *	KUKEON_FAULT=fail:<n>:<errno>	act n is not done and fails so
 *	KUKEON_FAULT_LOG=<file>		one line per act: its number and what it is
 */
#include <errno.h>
#include <fcntl.h>
#include <netlink/route/link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/rpc/rpc.h"

enum fault { FAULT_NONE, FAULT_KILL_BEFORE, FAULT_KILL_AFTER, FAULT_FAIL };

static struct {
	pthread_once_t once;
	pthread_mutex_t mutex;
	enum fault fault;
	unsigned long at, n;
	int code; /* a positive errno */
	int log;
} faults = { .once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .log = -1 };

static void read_environment(void)
{
	static const char *const names[] = {
		[FAULT_KILL_BEFORE] = "kill-before",
		[FAULT_KILL_AFTER] = "kill-after",
		[FAULT_FAIL] = "fail",
	};
	const char *text = getenv("KUKEON_FAULT"), *log = getenv("KUKEON_FAULT_LOG");
	char name[16];

	if (text && sscanf(text, "%15[^:]:%lu:%d", name, &faults.at, &faults.code) >= 2)
		for (size_t i = 1; i < ARRAY_SIZE(names); i++)
			if (strcmp(name, names[i]) == 0)
				faults.fault = (enum fault)i;
	if (log)
		faults.log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void die(void)
{
	raise(SIGKILL);
}

static void write_log(unsigned long n, const char *what, const char *detail)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%lu %s %s\n", n, what, detail ? detail : "");

	if (faults.log >= 0 && write(faults.log, line, (size_t)len) < 0)
		faults.log = -1;
}

/* Begins an act: its number. 0 with errno set: it is to fail. */
static unsigned long begin(const char *what, const char *detail)
{
	unsigned long n;

	pthread_once(&faults.once, read_environment);
	pthread_mutex_lock(&faults.mutex);
	n = ++faults.n;
	write_log(n, what, detail);
	pthread_mutex_unlock(&faults.mutex);
	if (n == faults.at && faults.fault == FAULT_KILL_BEFORE)
		die();
	if (n == faults.at && faults.fault == FAULT_FAIL) {
		errno = faults.code;
		return 0;
	}
	return n;
}

static void end(unsigned long n)
{
	if (n == faults.at && faults.fault == FAULT_KILL_AFTER)
		die();
}

/* An act that is one call of the system. */
#define WRAP(name, detail, parameters, arguments)                                                  \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		unsigned long n = begin(#name, detail);                                            \
		int r = n ? __real_##name arguments : -1;                                          \
                                                                                                   \
		end(n);                                                                            \
		return r;                                                                          \
	}

WRAP(rename, to, (const char *from, const char *to), (from, to))
WRAP(unlink, path, (const char *path), (path))
WRAP(rmdir, path, (const char *path), (path))
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

/* Paths are made from the top: what is there already is no act. */
int __wrap_mkdir(const char *path, mode_t mode)
{
	unsigned long n;
	int r;

	if (access(path, F_OK) == 0)
		return __real_mkdir(path, mode);
	n = begin("mkdir", path);
	r = n ? __real_mkdir(path, mode) : -1;
	end(n);
	return r;
}

WRAP(mkdirat, path, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(unlinkat, path, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(umount2, path, (const char *path, int flags), (path, flags))
WRAP(fsync, NULL, (int fd), (fd))
WRAP(ftruncate, NULL, (int fd, off_t len), (fd, len))
WRAP(mount, target,
     (const char *source, const char *target, const char *type, unsigned long flags,
      const void *data),
     (source, target, type, flags, data))

int __real_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

/* The run of a plugin; its end is not seen here: the daemon dies while it runs. */
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	unsigned long n = begin("plugin", path);
	int r = n ? __real_posix_spawn(pid, path, actions, attr, argv, envp) : errno;

	end(n);
	return r;
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

/* Into files only: pipes and sockets are not acts, and the log is not one of the product's. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	struct stat st;
	unsigned long n;
	ssize_t r;

	if (fd <= STDERR_FILENO || fd == faults.log || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return __real_write(fd, data, len);
	n = begin("write", NULL);
	r = n ? __real_write(fd, data, len) : -1;
	end(n);
	return r;
}

int __real_rtnl_link_delete(struct nl_sock *sock, const struct rtnl_link *link);
int __wrap_rtnl_link_delete(struct nl_sock *sock, const struct rtnl_link *link);

int __wrap_rtnl_link_delete(struct nl_sock *sock, const struct rtnl_link *link)
{
	unsigned long n = begin("link-delete", rtnl_link_get_name((struct rtnl_link *)link));
	int r = n ? __real_rtnl_link_delete(sock, link) : -NLE_FAILURE;

	end(n);
	return r;
}

/* ---- calls to containerd ---- */

static void on_answer(struct call *call)
{
	(void)call;
	die();
}

void __real_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary,
			    struct call *call);
void __wrap_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary,
			    struct call *call);

void __wrap_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary, struct call *call)
{
	unsigned long n = begin("rpc", unary->method);
	struct error err;

	if (!n) {
		error_set(&err, -errno, "%s: injected failure: %s", unary->method, strerror(errno));
		call_complete(call, err.code, &err);
		return;
	}
	if (n == faults.at && faults.fault == FAULT_KILL_AFTER)
		call->done = on_answer;
	__real_rpc_unary_start(channel, unary, call);
}

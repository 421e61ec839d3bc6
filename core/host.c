/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "core/base/fs.h"

#define SOCKET_GROUP "kukeon"

enum {
	BACKLOG = 4096
}; /* with a full one, clients fail instead of waiting; the kernel may cut it */

/* A daemon that was killed while it started a program leaves a child that holds the lock until it
 * has begun to be that program. */
enum { LOCK_TRIES = 50, LOCK_PAUSE_MS = 10 };

static int lock(int fd)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int r = flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 1; r < 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
		nanosleep(&pause, NULL);
		r = flock(fd, LOCK_EX | LOCK_NB);
	}
	return r;
}

int host_lock(const char *dir, int *ret_fd, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/kukeond.lock", dir);
	AUTO_CLOSE int fd = -1;
	int r = fs_make_dirs(dir, 0755, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", path);
	if (lock(fd) < 0)
		return error_set(err, -errno,
				 errno == EWOULDBLOCK
					 ? "another kukeond runs on %s: stop it first, or "
					   "give this one a directory of its own"
					 : "cannot lock %s/kukeond.lock",
				 dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Where it is bound; NULL when it is no listening unix stream socket. */
static char *listening_path(int fd)
{
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address);

	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return NULL;
	return xstrndup(address.sun_path, sizeof(address.sun_path));
}

/* @passed as by sd_listen_fds(). */
static int check_passed(int passed, char **ret_path, struct error *err)
{
	if (passed < 0)
		return error_set(err, passed, "cannot read which sockets were passed: %s",
				 strerror(-passed));
	if (passed > 1)
		return error_set(err, -EINVAL,
				 "%d sockets were passed, expected one: leave a single "
				 "ListenStream= in kukeond.socket",
				 passed);
	*ret_path = listening_path(SD_LISTEN_FDS_START);
	if (!*ret_path)
		return error_set(
			err, -EINVAL,
			"what was passed is no listening unix stream socket: kukeond.socket "
			"needs ListenStream=/path and Accept=no");
	return 0;
}

int host_take_socket(int *ret_fd, char **ret_path, struct error *err)
{
	/* The variables stay: they carry our process id and mean nothing to our children. */
	int passed = sd_listen_fds(0), fd, r;
	AUTO_FREE char *path = NULL;

	*ret_fd = -1;
	if (passed == 0)
		return 0;
	r = check_passed(passed, &path, err);
	if (r < 0)
		return r;
	fd = fcntl(SD_LISTEN_FDS_START, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + 1);
	if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return error_set(err, -errno, "cannot take the socket that was passed: %m");
	*ret_fd = fd;
	*ret_path = take_ptr(path);
	return 0;
}

void host_keep_socket(void)
{
	/* Without the flag that sd_listen_fds() set. */
	if (sd_listen_fds(0) == 1)
		fcntl(SD_LISTEN_FDS_START, F_SETFD, 0);
}

static int set_access(const char *path, struct error *err)
{
	const struct group *group = getgrnam(SOCKET_GROUP);

	if (group && chown(path, 0, group->gr_gid) < 0)
		return error_set(err, -errno, "cannot give %s to group " SOCKET_GROUP ": %m", path);
	if (chmod(path, group ? 0660 : 0600) < 0)
		return error_set(err, -errno, "cannot set the mode of %s: %m", path);
	return 0;
}

int host_listen(const char *path, int *ret_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = -1;
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "socket path %s is longer than %zu bytes",
				 path, sizeof(address.sun_path) - 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "cannot create a socket: %m");
	unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return error_set(err, r, "cannot bind %s: %s", path, strerror(-r));
	r = set_access(path, err);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return error_set(err, -errno, "cannot listen on %s: %m", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

void host_forget_starter(void)
{
	struct sigaction action;
	sigset_t none;

	fs_open_standard();
	umask(022); /* every mode that we ask for is meant */
	for (int n = 1; n < NSIG; n++) { /* handlers, of a sanitizer, stay */
		if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			signal(n, SIG_DFL);
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void host_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

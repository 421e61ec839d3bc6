/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/daemon_host.h"

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
#include "core/host/peers.h"

enum {
	BACKLOG = 4096
}; /* with a full one, clients fail instead of waiting; the kernel may cut it */

/* A daemon that was killed while it started a program leaves a child that holds the lock, and the
 * socket, until it has begun to be that program. */
enum { LOCK_TRIES = 50, LOCK_PAUSE_MS = 10 };

static void pause_a_moment(void)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

	nanosleep(&pause, NULL);
}

static int lock(int fd)
{
	int r = flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 1; r < 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
		pause_a_moment();
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
	const struct group *group = getgrnam(PEERS_GROUP);

	if (group && chown(path, 0, group->gr_gid) < 0)
		return error_set(err, -errno, "cannot give %s to group " PEERS_GROUP ": %m", path);
	if (chmod(path, group ? 0660 : 0600) < 0)
		return error_set(err, -errno, "cannot set the mode of %s: %m", path);
	return 0;
}

static int new_socket(struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? error_set(err, -errno, "cannot create a socket: %m") : fd;
}

/* Whether somebody has the socket open: only then a connection is not refused. -errno when that
 * cannot be told. */
static int is_served(const struct sockaddr_un *address, struct error *err)
{
	AUTO_CLOSE int fd = new_socket(err);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return true;
	if (errno == ECONNREFUSED || errno == ENOENT)
		return false;
	if (errno == EAGAIN || errno == EPROTOTYPE) /* it has no time; it is of another type */
		return true;
	return error_set(err, -errno, "cannot tell whether %s is in use: %m", address->sun_path);
}

/* What stands at the path goes when it is a socket that nobody serves, and nothing else does. */
static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	struct stat st;
	int served;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "cannot look at %s: %m", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
				 "%s is there and is no socket, so it stays: move it away, or give "
				 "this kukeond another socket",
				 path);
	served = is_served(address, err);
	for (int i = 1; served > 0 && i < LOCK_TRIES; i++) {
		pause_a_moment();
		served = is_served(address, err);
	}
	if (served > 0)
		return error_set(err, -EADDRINUSE,
				 "another program serves %s: stop it first, or give this kukeond "
				 "another socket",
				 path);
	if (served == 0 && unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove the stale %s: %m", path);
	return served;
}

static int bind_to(int fd, const struct sockaddr_un *address, struct error *err)
{
	/* bind() takes the mode from here: a umask is that of other threads too. */
	int r = fchmod(fd, 0600) < 0 ? -errno : 0;

	if (r == 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "cannot bind %s: %s", address->sun_path, strerror(-r));
	r = set_access(address->sun_path, err);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = error_set(err, -errno, "cannot listen on %s: %m", address->sun_path);
	return r;
}

/* Two that start at once for the same path take turns from the look at it until they listen. Where
 * the directory cannot be locked they do without. */
static int lock_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		lock(fd);
	return fd;
}

int host_listen(const char *path, struct host_socket *ret_socket, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = -1, turn = -1;
	struct stat st = { 0 };
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "socket path %s is longer than %zu bytes",
				 path, sizeof(address.sun_path) - 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	turn = lock_parent(path);
	r = remove_stale(&address, err);
	fd = r < 0 ? r : new_socket(err);
	r = fd < 0 ? fd : bind_to(fd, &address, err);
	if (r == 0 && lstat(path, &st) < 0)
		r = error_set(err, -errno, "cannot look at %s: %m", path);
	if (r < 0)
		return r;
	*ret_socket = (struct host_socket){ take_fd(&fd), st };
	return 0;
}

/* Numbers of files are used again: the time tells the rest. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Its mode and owner may have been changed meanwhile, and with them the time. */
bool host_socket_is(const struct host_socket *socket, const struct stat *st)
{
	return S_ISSOCK(st->st_mode) && st->st_dev == socket->file.st_dev &&
	       st->st_ino == socket->file.st_ino;
}

void host_unlink_socket(const char *path, const struct host_socket *ours)
{
	struct stat st;

	if (lstat(path, &st) == 0 && is_same_file(&st, &ours->file))
		unlink(path);
}

/*
 * What would end the daemon by default and tells it nothing. SIGHUP waits here for its handler. Of
 * the others, TERM and INT have handlers, QUIT and ABRT ask for a core, and the rest are faults.
 */
static bool is_noise(int number)
{
	static const int noise[] = { SIGHUP,  SIGPIPE, SIGUSR1, SIGUSR2,   SIGALRM, SIGVTALRM,
				     SIGPROF, SIGIO,   SIGPWR,  SIGSTKFLT, SIGXCPU, SIGXFSZ };

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (noise[i] == number)
			return true;
	return number >= SIGRTMIN && number <= SIGRTMAX;
}

void host_forget_starter(void)
{
	struct sigaction action;
	sigset_t none;

	int passed = sd_listen_fds(0);

	fs_open_standard();
	close_range(SD_LISTEN_FDS_START + (unsigned)(passed > 0 ? passed : 0), ~0U, 0);
	umask(022);                      /* every mode that we ask for is meant */
	for (int n = 1; n < NSIG; n++) { /* handlers, of a sanitizer, stay */
		if (sigaction(n, NULL, &action) < 0)
			continue;
		if (action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)
			signal(n, is_noise(n) ? SIG_IGN : SIG_DFL);
	}
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

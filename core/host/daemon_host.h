/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon takes of the host at start: its directories, the instance lock, the listening
 * socket. Blocking. */
#pragma once

#include <sys/stat.h>

#include "core/base/error.h"

/* What a process has from whoever started it, and no daemon wants: his umask, signals that he
 * ignored or blocked, standard descriptors that he closed, and others that he left open (a lock
 * that would be held as long as the daemon lives). Sockets that a service manager passed stay. From
 * then on no signal ends it that is not meant to: USR1, ALRM, IO and the like are ignored. Before
 * anything else. */
void host_forget_starter(void);

/* One instance per directory: an exclusive lock on <dir>/kukeond.lock, held as long as the fd is
 * open. One that is held is waited for, for half a second. */
int host_lock(const char *dir, int *ret_fd, struct error *err);

/*
 * The listening unix stream socket that the service manager passed, close-on-exec and non-blocking;
 * -1 when none was. @ret_path: where it is bound, free with free(). The file is the manager's: it
 * stays.
 */
int host_take_socket(int *ret_fd, char **ret_path, struct error *err);

/* Before the program is executed anew in this process: the passed socket goes along. */
void host_keep_socket(void);

/* A listening socket, and the file that leads to it. */
struct host_socket {
	int fd;
	struct stat file;
};

/*
 * A listening unix socket, close-on-exec and non-blocking: mode 0660 and group kukeon where that
 * group exists, else 0600. A socket file that nobody serves is replaced. -EADDRINUSE when somebody
 * does, after half a second; -EEXIST when it is something else: neither is touched.
 */
int host_listen(const char *path, struct host_socket *ret_socket, struct error *err);

/* Whether the file that @st tells of is the one that was made. */
bool host_socket_is(const struct host_socket *socket, const struct stat *st);

/* Removes the file while it is still the one that was made. */
void host_unlink_socket(const char *path, const struct host_socket *ours);

/* As many file descriptors as the hard limit allows. */
void host_raise_fd_limit(void);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the file of the daemon's socket: when it is removed, moved away or replaced by one that
 * nobody serves, a new one is made, and the daemon listens there. The file of a socket that the
 * service manager passed is the manager's: that it is gone is only said.
 */
#pragma once

#include "core/host/daemon_host.h"
#include "core/loop/inotify.h"

struct socket_watcher_options {
	const char *path;
	struct host_socket *socket; /* as it is, and as it has been made anew; NULL: not ours */
	void (*listen)(void *ctx, int fd); /* a new one; takes @fd */
	void *ctx;
};

struct socket_watcher;

void socket_watcher_open(struct socket_watcher **ret_watcher, struct loop *loop,
			 const struct socket_watcher_options *options);

/* Looks whether the file is there. NULL is allowed. */
void socket_watcher_look(struct socket_watcher *watcher);

/* @closed runs once, later; nobody listens anew any more. */
void socket_watcher_close(struct socket_watcher *watcher, void (*closed)(void *ctx), void *ctx);

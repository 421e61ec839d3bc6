/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's one inotify instance, shared by everybody who watches files: instances are few on a
 * host (fs.inotify.max_user_instances), and others need them too.
 *
 * The kernel has one watch for a directory, however many of us want it: each gets its events, also
 * those that only another asked for. The watch goes when the last of them lets go.
 */
#pragma once

#include <sys/inotify.h>

#include "core/loop/loop.h"

struct inotify_user {
	struct loop *loop; /* NULL: not joined */
	unsigned number;
	/* On the loop's thread. With IN_Q_OVERFLOW events were lost, of everybody. */
	void (*on_event)(struct inotify_user *user, const struct inotify_event *event);
};

/* 0 or -errno: -EMFILE when the host has no instance left; it may be tried again at any time. */
int inotify_join(struct loop *loop, struct inotify_user *user,
		 void (*on_event)(struct inotify_user *user, const struct inotify_event *event));

bool inotify_joined(const struct inotify_user *user);

/* Takes off all its watches; no event comes any more. Nothing for one that has not joined. */
void inotify_leave(struct inotify_user *user);

/* The watch's number or -errno. Adds to what is watched for there. On any thread, as long as the
 * user does not leave meanwhile. */
int inotify_watch(struct inotify_user *user, const char *path, uint32_t mask);

/* Nothing when it is gone already. */
void inotify_unwatch(struct inotify_user *user, int wd);

/* For loop_close(): nobody is joined any more. */
void inotify_close(struct loop *loop);

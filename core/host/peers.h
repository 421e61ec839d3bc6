/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may speak to the daemon: root, the user that it runs as, and members of its group. Whoever
 * speaks to it can run anything as root, so what the mode of the socket's file lets through is
 * asked after once more.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define PEERS_GROUP "kukeon"

enum { PEERS_GROUPS_MAX = 2 };

struct peers {
	gid_t groups[PEERS_GROUPS_MAX];
	unsigned n_groups;
};

/* Reads which groups these are: kukeon, where there is one, and that of the socket at @path, if it
 * was passed to us and its mode is for a group. @path NULL: it is our own. Blocking. */
void peers_read(struct peers *peers, const char *path);

/* Whether the process at the other end of a unix socket may, with any of its groups. */
bool peers_admit(const struct peers *peers, int fd, uid_t uid, gid_t gid);

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/peers.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/util.h"

void peers_read(struct peers *peers, const char *path)
{
	const struct group *group = getgrnam(PEERS_GROUP);
	struct stat st;

	*peers = (struct peers){ 0 };
	if (group)
		peers->groups[peers->n_groups++] = group->gr_gid;
	if (path && stat(path, &st) == 0 && (st.st_mode & S_IWGRP))
		peers->groups[peers->n_groups++] = st.st_gid;
}

static bool has_group(const struct peers *peers, gid_t gid)
{
	for (unsigned i = 0; i < peers->n_groups; i++)
		if (peers->groups[i] == gid)
			return true;
	return false;
}

/* The further groups it had when it connected; NULL when the kernel does not say. */
static gid_t *read_groups(int fd, size_t *ret_n)
{
	socklen_t bytes = 0;
	gid_t *groups;

	*ret_n = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE)
		return NULL;
	groups = xcalloc(1, bytes);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) == 0)
		*ret_n = bytes / sizeof(*groups);
	return groups;
}

bool peers_admit(const struct peers *peers, int fd, uid_t uid, gid_t gid)
{
	AUTO_FREE gid_t *groups = NULL;
	size_t n;

	if (uid == 0 || uid == geteuid() || has_group(peers, gid))
		return true;
	groups = read_groups(fd, &n);
	for (size_t i = 0; i < n; i++)
		if (has_group(peers, groups[i]))
			return true;
	return false;
}

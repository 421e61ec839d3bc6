/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/path/path_owner.h"

#include <errno.h>

int path_check_owner(const struct stat *st, const char *shown, struct error *err)
{
	if (st->st_uid != 0)
		return error_set(
			err, -EPERM,
			"%s belongs to user %u, who could run anything as root through it: "
			"chown root and chmod go-w it",
			shown, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM,
				 "%s can be written by others than root (mode %04o), who could run "
				 "anything as root through it: chmod go-w %s",
				 shown, st->st_mode & 07777, shown);
	return 0;
}

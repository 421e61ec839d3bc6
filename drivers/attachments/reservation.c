/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/attachments/reservation.h"

#include <fcntl.h>

#include "core/base/buf.h"
#include "core/base/fs.h"

char *reservation_path(const struct conflist *list, const char *ip)
{
	AUTO_FREE char *dir = ip ? conflist_reservations(list) : NULL;

	return dir ? xasprintf("%s/%s", dir, ip) : NULL;
}

char *reservation_container(const char *path)
{
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, path, RESERVATION_MAX_BYTES, &text, NULL) < 0 || !text.data)
		return xstrdup("");
	text.data[strcspn(text.data, "\r\n")] = '\0';
	return xstrdup(text.data);
}

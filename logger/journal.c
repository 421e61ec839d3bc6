/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/journal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/str.h"

static void add_field(struct buf *buf, const char *name, const char *value)
{
	if (!str_empty(value) && strchr(value, '\n') == NULL)
		buf_printf(buf, "%s=%s\n", name, value);
}

void journal_format(const struct log_conf *conf, enum journal_priority priority,
		    const struct record *record, struct buf *ret)
{
	buf_printf(ret, "PRIORITY=%d\n", priority);
	add_field(ret, "SYSLOG_IDENTIFIER", conf->container);
	add_field(ret, "KUKEON_REALM", conf->realm);
	add_field(ret, "KUKEON_SPACE", conf->space);
	add_field(ret, "KUKEON_STACK", conf->stack);
	add_field(ret, "KUKEON_CELL", conf->cell);
	add_field(ret, "KUKEON_CONTAINER", conf->container);
	buf_printf(ret, "KUKEON_RUN=%llu\n", (unsigned long long)conf->run);
	if (!record->is_full) /* as others say it */
		buf_add_str(ret, "CONTAINER_PARTIAL_MESSAGE=true\n");
	/* A record has no line break, so that it may stand in a line, whatever else it holds. */
	buf_add_str(ret, "MESSAGE=");
	buf_add(ret, record->text, record->len);
	buf_add_str(ret, "\n");
}

int journal_send(const char *socket_path, const struct log_conf *conf,
		 enum journal_priority priority, const struct record *record)
{
	static int fd = -1; /* of the one thread that sends */
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	AUTO_BUF struct buf text = { 0 };

	if (!str_copy(to.sun_path, sizeof(to.sun_path), socket_path))
		return -ENAMETOOLONG;
	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	journal_format(conf, priority, record, &text);
	if (sendto(fd, text.data, text.len, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		   sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Records to journald, by its own protocol over its socket: fields as lines, a datagram each. */
#pragma once

#include "logger/record.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum journal_priority { JOURNAL_ERR = 3, JOURNAL_WARNING = 4, JOURNAL_INFO = 6 };

/* Waits while journald does not read: call it where that hurts nobody. */
int journal_send(const char *socket_path, const struct log_conf *conf,
		 enum journal_priority priority, const struct record *record);

/* The datagram; for tests. */
void journal_format(const struct log_conf *conf, enum journal_priority priority,
		    const struct record *record, struct buf *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* Sees containerd's socket appear: a restarted containerd is then in use after milliseconds instead
 * of a backoff. */
#pragma once

#include "drivers/ctd/events.h"

/* Watches the directory of the socket, unless it does already. Without a directory or a watch the
 * backoff has to do. */
void watch_open(struct events *events);
void watch_close(struct events *events);

/* In events.c: the socket appeared. */
void events_kick(struct events *events);

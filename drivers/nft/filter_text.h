/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet filter as nft commands: the whole table, or what leads from one wish to the next.
 * Pure.
 *
 * The rules are the same whatever the spaces are; what differs are the elements of sets and maps,
 * so that a packet costs the same with one space and with a thousand:
 *
 *   bridges   our bridges
 *   inside    bridge . the same bridge: what stays within a space
 *   ranges    bridge . its addresses
 *   deny      bridges of spaces that deny what leaves them, but for:
 *   allowed   bridge . address, allowed_ports: bridge . address . protocol . port
 *   guests    bridge . address of a cell of a space that denies, in a further space
 *   dropped   bridges of deny and guests: counts what was dropped there
 *   ports     protocol . port of the host: the cell and its port
 *   ports_at  the same for one address of the host
 *
 * Those with addresses stand there a second time for IPv6: ranges6 and so on.
 */
#pragma once

#include "core/driver/filter.h"

/* The set that counts, by bridge. */
#define FILTER_DROPPED_SET "dropped"

/* Replaces the table @name, or removes it when nothing is wanted. Free with free(). */
char *filter_text_whole(const char *name, const struct filter_wish *wish);

/* "" when the two are the same. One that begins or ends with nothing is a whole one. */
char *filter_text_change(const char *name, const struct filter_wish *from,
			 const struct filter_wish *to);

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
 *   ports     protocol . port of the host: the cell and its port
 *   ports_at  the same for one address of the host
 */
#pragma once

#include "core/driver.h"

/* Before anything of the wish is put into words: a space that is not fit to stand in commands gets
 * its problem, and is left out by what follows. -EINVAL: a port is not, which is a bug of ours. */
int filter_text_check(struct filter_wish *wish, struct error *err);

/* Replaces the table @name, or removes it when nothing is wanted. Free with free(). */
char *filter_text_whole(const char *name, const struct filter_wish *wish);

/* "" when the two are the same. One that begins or ends with nothing is a whole one. */
char *filter_text_change(const char *name, const struct filter_wish *from,
			 const struct filter_wish *to);

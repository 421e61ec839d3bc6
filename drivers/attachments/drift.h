/* SPDX-License-Identifier: Apache-2.0 */
/* What is left on the host of what an attachment made. Blocks shortly: worker threads only. */
#pragma once

#include "core/driver/network.h"
#include "drivers/attachments/attachment.h"
#include "drivers/hostnet/hostlinks.h"

/* From the least to the most that has to be done about it. */
enum drift {
	DRIFT_NONE,
	DRIFT_RESERVATION, /* the file is gone, or cut; nobody else has the address */
	DRIFT_INSIDE,      /* the cell's end is not as it was made: down, or without an address */
	DRIFT_PIN,         /* gone, or another namespace is pinned in its place */
	DRIFT_LINK,        /* the host's end of the interface is gone, and the other with it */
	DRIFT_TAKEN,       /* the address is reserved for another container */
	DRIFT_UNKNOWN,     /* ADD did not succeed, or in an earlier boot */
	DRIFT_COUNT,
};

enum drift drift_look(const struct attachment *attachment, const char *boot_id,
		      const struct hostlinks *links);

/* Puts back what can be without DEL and ADD: *@drift is DRIFT_NONE then, else what it was, or
 * worse. A negative result: it is to be tried again. */
int drift_mend(const struct attachment *attachment, enum drift *drift, struct error *err);

/* In words, for people. Free with free(). */
char *drift_words(enum drift drift, const struct attachment *attachment);

/* All that the journal says of an attachment, next to @drift. */
void drift_fill_fact(struct attachment_fact *fact, const struct attachment *attachment,
		     enum drift drift);

/* The same of one in a space that the cell has joined. */
void drift_fill_join(struct join_fact *fact, const char *space_key,
		     const struct attachment *attachment, enum drift drift);

/* Whether an address that it asks for is reserved for another. */
bool drift_wish_is_taken(const struct attachment *attachment);

/* Writes the reservations of its addresses as host-local does, under its lock. -EEXIST: another has
 * one of them by now. */
int drift_reserve(const struct attachment *attachment, struct error *err);

/* What the bridge must be for this attachment; another of the same network only adds its port. */
void drift_add_wish(struct bridge_wish *wish, const struct attachment *attachment);

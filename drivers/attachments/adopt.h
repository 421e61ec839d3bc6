/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attachment that the journal does not tell of, because the file was lost or an older one was
 * put back: what the pinned namespace, the host's links, the conflist and the reservations say
 * together is as much as the record said. Blocks: worker threads only.
 */
#pragma once

#include "drivers/attachments/attachment.h"

struct adopt_request {
	const char *cell_key, *space_key;
	bool joins; /* the space is not the cell's own */
	const char *netns, *boot_id;
	const char *dir; /* of the space's conflist */
	uint64_t number; /* for its container id, when no reservation tells one */
};

/* -ENOENT: there is nothing that is this cell's for certain. */
int adopt_look(const struct adopt_request *request, struct attachment *ret, struct error *err);

/* The number in a container id; 0: it is not one of the cell's. */
uint64_t adopt_number(const char *container_id, const char *cell_key);

/* Takes away the reservation of an address that an earlier attachment of the cell has left: for
 * when none is on record. */
void adopt_release(const struct conflist *list, const char *ip, const char *cell_key);

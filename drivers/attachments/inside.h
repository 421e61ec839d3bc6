/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cell's end of its network: an interface inside its namespace, its addresses and the way out
 * (libnl-route-3). A worker enters the namespace only to open a socket; what is asked through that
 * is answered there. Three lists of a few lines each: some 100 µs a cell. Blocks: worker threads
 * only.
 */
#pragma once

#include <stdbool.h>

#include "core/base/str.h"
#include "drivers/attachments/attachment.h"

struct inside {
	bool lo_up;
	bool found, up;        /* the interface */
	int peer;              /* index of its other end; 0: not known */
	char *mac;             /* NULL: none */
	struct strv addresses; /* "10.88.0.5/16"; none of one link alone */
	char *gateway;         /* of the default route of IPv4; "": without one; NULL: no route */
	char *gateway6;
};

void inside_fini(struct inside *inside);

/* -ENOENT: no namespace is pinned at @netns. An interface that is not there is no error. */
int inside_look(const char *netns, const char *interface, struct inside *ret, struct error *err);

/* What is not as the attachment made it, in words; NULL: nothing, or it cannot be seen. Free with
 * free(). */
char *inside_drift(const struct attachment *attachment);

/* Raises what is down, adds what is missing, takes nothing away. -ENODEV: no such interface. */
int inside_mend(const struct attachment *attachment, struct error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of what is kept with firewalld: what is known, and the calls of one round. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/base/strset.h"
#include "core/journal/journal.h"
#include "drivers/firewalls/bus.h"
#include "drivers/firewalls/firewalld.h"

#define FIREWALLD_NAME "org.fedoraproject.FirewallD1"
#define FIREWALLD_PATH "/org/fedoraproject/FirewallD1"
#define FIREWALLD_ZONE "kukeon"
#define FIREWALLD_POLICY "kukeon-forwarding"

struct firewalld;

/* One kind of call. It is made, as long as begin() says so, then the next one is. */
struct round_step {
	/* The message to send; NULL: nothing is to be asked. */
	sd_bus_message *(*begin)(struct firewalld *firewalld);
	/* @error NULL: it was done. Returns 0, or -errno when the round cannot go on. */
	int (*done)(struct firewalld *firewalld, sd_bus_message *reply, const char *error);
};

/* End with a zeroed one. */
extern const struct round_step firewalld_keep_steps[], firewalld_leave_steps[];

/* What it is asked, one call after the other. */
struct round {
	const struct round_step *steps;
	size_t step;
	bool unknown;       /* the zone is not loaded */
	bool made;          /* the files of zone or policy were changed: it is to load them */
	bool reloaded;      /* so it has to be looked at anew */
	struct strset held; /* by the zone as loaded */
	struct strset elsewhere;
	struct strset tried;
	char *path;           /* of the zone, or policy, in the files */
	struct strset stored; /* what the files say of the zone's bridges */
	bool stored_known;
	size_t next_missing, next_to_go; /* places in wanted and held: see firewalld_steps.c */
};

struct firewalld {
	struct loop *loop;
	struct journal *journal;
	void (*rests)(void *ctx);
	void *rests_ctx;
	struct bus *bus;
	sd_bus *connection;   /* NULL: down */
	bool asking;          /* the bus whether */
	bool there;           /* it has its name on the bus */
	struct strset wanted; /* our bridges, */
	bool known;           /* once that is so */
	/* That we put into the zone, ever: those that are wanted no more go out. The journal keeps
	 * them, written before they are put there. */
	struct strset ours;
	bool leaving;
	bool busy, doubted;
	struct round round; /* the one under way, or the last */
	sd_bus_slot *slot;  /* of the call under way */
	struct error problem;
	unsigned reloads;
	struct deferred soon;
	struct timer again;
};

/* Whether a bridge of the zone is ours and to go. Others are of another instance of the daemon, or
 * somebody's. */
bool firewalld_is_to_go(const struct firewalld *firewalld, const char *bridge);

/* The next bridge that is to be put into the zone, or taken out of it, and was not tried; NULL: all
 * were. Those before the place that the round remembers are not looked at again. */
const char *firewalld_first_missing(struct firewalld *firewalld);
const char *firewalld_first_to_go(struct firewalld *firewalld);

/* What the files are to say; false: they say so. */
bool firewalld_find_to_store(const struct firewalld *firewalld, struct strset *ret);

/* Bridges of another instance keep the zone. */
bool firewalld_is_shared(const struct firewalld *firewalld);

/* What is wanted is ours from now on; what is wanted no more is ours no more. True: that is to be
 * written down. */
bool firewalld_note_ours(struct firewalld *firewalld);
bool firewalld_forget_gone(struct firewalld *firewalld);

void firewalld_round_fini(struct round *round);

/* One round, from the calls of keeping or leaving; ends with: */
void firewalld_round_begin(struct firewalld *firewalld);

/* Code 0: all was done. */
void firewalld_round_ended(struct firewalld *firewalld, int status, const char *why);

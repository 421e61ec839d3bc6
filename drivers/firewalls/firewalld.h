/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewalld rejects what is forwarded from links that are in none of its zones. Our bridges are put
 * into a zone of ours, by D-Bus, in what it has loaded and in its files, as docker and podman do
 * with theirs: it accepts what comes from there, and a policy what goes there; what may reach whom
 * is still our own filter's to say. A bridge that somebody has put into another zone stays there.
 *
 * firewalld need not be there, and may come, go and load its rules anew at any time: after each of
 * that its zone is looked at. A zone that it has not loaded yet takes one reload, which makes it
 * forget what was set without --permanent: so that is done once, when the first bridge is to go in.
 */
#pragma once

#include "core/driver/managers.h"
#include "core/journal/journal.h"

struct firewalld;

/* NULL: not on this system. @rests: it is not busy any more; from inside anything that it does. */
struct firewalld *firewalld_open(struct loop *loop, struct journal *journal,
				 void (*rests)(void *ctx), void *ctx);
void firewalld_close(struct firewalld *firewalld, void (*closed)(void *ctx), void *ctx);

void firewalld_set_bridges(struct firewalld *firewalld, const struct strv *bridges);

/* What others did in it may be looked at again. */
void firewalld_doubt(struct firewalld *firewalld);

/* Something is asked or about to be. */
bool firewalld_is_busy(const struct firewalld *firewalld);

/* Takes our zone out of it; done when it is not busy any more. */
void firewalld_leave(struct firewalld *firewalld);

/* One that does not run keeps our zone in its files. @ours, copied before: a zone that has bridges
 * of others stays. For a worker. */
bool firewalld_is_there(const struct firewalld *firewalld);
void firewalld_get_ours(const struct firewalld *firewalld, struct strv *ret);
void firewalld_forget_files(const struct strv *ours);

/* Nothing where there is no firewalld. */
void firewalld_describe(const struct firewalld *firewalld, struct manager_notes *notes);

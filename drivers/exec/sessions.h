/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in containers beside the containers' own (core/driver/exec_session.h), by way of
 * containerd. Each has a directory "<dir>/<id>" with the FIFOs that its shim reads and writes and a
 * link that says where it runs. It is there before containerd hears of the command and until
 * containerd has forgotten it: so whatever a crash leaves is found by it, and taken away.
 */
#pragma once

#include "core/driver/exec_session.h"
#include "core/driver/inventory.h"
#include "drivers/ctd/ctd.h"

struct sessions {
	struct ctd *ctd;
	char *dir; /* NULL: no commands can be run */
	char *maker;
	unsigned n_made;
	struct list all; /* struct session.link */
	struct call sweep;
	bool closing;
	struct timer close_limit;
	void (*closed)(void *ctx); /* NULL: nobody waits */
	void *closed_ctx;
};

/* @dir may be NULL. */
void sessions_init(struct sessions *sessions, struct ctd *ctd, const char *dir);

/* Takes away what an earlier daemon has left. */
void sessions_start(struct sessions *sessions);

/* Ends all; @closed runs once, when they have ended, or soon: what then is under way ends with the
 * connection. */
void sessions_close(struct sessions *sessions, void (*closed)(void *ctx), void *ctx);
void sessions_fini(struct sessions *sessions);

/* As in struct runtime_ops. */
void sessions_exec(struct sessions *sessions, struct exec_session *exec, struct call *call);
void session_resume(struct exec_session *exec);
size_t session_give(struct exec_session *exec, const void *data, size_t len);
void session_control(struct sessions *sessions, struct exec_session *exec,
		     const struct exec_control *control, struct call *call);
void session_cancel(struct exec_session *exec);

/* The ids that have a directory. Blocks. */
int sessions_list(const char *dir, struct strv *ret_ids, struct error *err);

/* Adds them to an inventory, those of this daemon as in use. Blocks for some reads of links. */
void sessions_add(struct sessions *sessions, const struct strv *ids, struct host_things *things);

/* Takes away one that is not this daemon's; -EBUSY when it is. */
void sessions_discard(struct sessions *sessions, const char *id, struct call *call);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam to other managers of the host's packet filter: firewalld, docker. What Kukeon's own
 * filter accepts has to pass their rules too; they have ways to be told so, which are kept by them
 * when they load their rules anew. The rules of calls are those of core/driver/seam.h. The simulator has
 * none (struct engine.managers NULL): a host without such a tool is the usual one.
 */
#pragma once

#include "core/base/str.h"
#include "core/loop/call.h"

/* What is to be said of one of them. */
struct manager_note {
	char *name; /* "firewalld" */
	char *message;
	char *remedy; /* NULL: all is well */
};

/* A zeroed struct is empty. */
struct manager_notes {
	struct manager_note *items;
	size_t n;
};

/* Takes @message; copies the others. */
void manager_notes_add(struct manager_notes *notes, const char *name, char *message,
		       const char *remedy);
void manager_notes_fini(struct manager_notes *notes);

struct managers;

struct managers_ops {
	void (*close)(struct managers *managers, void (*closed)(void *ctx), void *ctx);

	/* All bridges of ours: from now on each manager lets them pass, also when it starts later
	 * or loads its rules anew. Returns at once and costs nothing when they are the same. */
	void (*set_bridges)(struct managers *managers, const struct strv *bridges);

	/* Their rules may have changed. */
	void (*doubt)(struct managers *managers);

	/* Looks what they do with our bridges. @ask: those whose rules we change only when somebody
	 * wants that are told now, and kept so from now on. Ends within some seconds. */
	void (*examine)(struct managers *managers, bool ask, struct manager_notes *ret_notes,
			struct call *call);

	/* Takes everything of ours from all of them, within some seconds. Nothing is set after. */
	void (*leave)(struct managers *managers, struct call *call);
};

struct managers {
	const struct managers_ops *ops;
};

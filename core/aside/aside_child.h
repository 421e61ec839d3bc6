/* SPDX-License-Identifier: Apache-2.0 */
/* One process that does work aside, from its start to its end. Private to core/aside/aside.c. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "core/aside/aside.h"
#include "core/base/list.h"

/* One child, from its start to its end. */
struct child {
	struct list link; /* left */
	pid_t pid;
	int pidfd;
	char *name, *where;
	time_t since;
	struct aside_page *page;
	size_t bytes;
	bool follows; /* struct aside */
};

/* It is gone, and nothing of it is left. */
bool aside_child_has_ended(const struct child *child);

/* How the wait for one came to its end. */
enum end { ENDED, LATE, GIVEN_UP };

/* With the mutex of those that were left behind: the child sees their list whole. */
int aside_child_start(const struct aside *aside, struct child *child, struct error *err);

/* @given_up: readable when nobody waits any more. */
enum end aside_child_await(const struct child *child, int given_up, unsigned limit_ms);

/*
 * A fork takes along no thread but its own, and so no lock that another one holds is ever opened in
 * the child. Whoever does nothing but wait for one, asleep or turning round and round, or has not
 * come to its turn on a busy machine, waits for no filesystem: proc_pid_syscall(5).
 */
bool aside_child_waits_for_no_place(const struct child *child);

/* False: it does not end, so it has come to something that hangs meanwhile. */
bool aside_child_end(const struct child *child);

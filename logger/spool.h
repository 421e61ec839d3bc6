/* SPDX-License-Identifier: Apache-2.0 */
/* The spool as a directory: its lock, its names, and whether we live. */
#pragma once

#include "core/base/error.h"
#include "core/logs/log_names.h"

/*
 * Takes the lock of the spool and says in it who we are; waits as long as another kukeon-log lives.
 * One that was killed while a disk hangs is dead before its last thread is: it reads nothing any
 * more, and is not waited for. Returns the descriptor.
 */
int spool_lock(int spool_fd, struct error *err);

/* Puts a small file into the spool, by rename. */
int spool_put(int spool_fd, const char *name, const void *data, size_t len);

/* Answers .ping. */
void spool_answer(int spool_fd);

/* Calls @each with every name in it. */
int spool_scan(int spool_fd, void (*each)(const char *name, void *arg), void *arg,
	       struct error *err);

bool spool_has(int spool_fd, const char *entry, enum log_suffix suffix);

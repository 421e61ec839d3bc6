/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of the spool (core/logs/log_names.h): the FIFOs that a task writes to are there before
 * it is made, and are said to be done with when it has been deleted. A run that a crash left behind
 * is found by its name: the task that is there, if any, says which entry it writes to.
 *
 * Everything here blocks, on files of our own.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/logs/log_names.h"
#include "core/logs/spool_reader.h"

/* Of one task, from before its making until the shim holds its FIFOs. */
struct spool_run {
	char *out, *err; /* their paths */
	uint64_t number;
	int fds[2]; /* held open: containerd waits for readers */
};

#define SPOOL_RUN_NONE                                                                             \
	{                                                                                          \
		.fds = { -1, -1 }                                                                  \
	}

void spool_run_fini(struct spool_run *run);

/* Whose entries: a container in a namespace of containerd. */
struct spool_owner {
	const char *dir; /* the spool */
	const char *namespace_, *id;
};

/*
 * An entry of a run that begins now. @conf says all but that run. @ret is SPOOL_RUN_NONE before;
 * nothing is left when it fails.
 */
int spool_make(const struct spool_owner *owner, struct log_conf *conf, struct spool_run *ret,
	       struct error *err);

/* Every entry of the container but that of run @kept (0: none) is done with. */
int spool_end(const struct spool_owner *owner, uint64_t kept, struct error *err);

/* Takes an entry away, read or not: no task writes to it. Gone already: 0. */
int spool_drop(const char *dir, const char *entry, struct error *err);

/* Waits until kukeon-log has taken what is done with of the container, @limit_ms at most, and takes
 * the rest away. For a thread of its own. */
int spool_clear(const struct spool_owner *owner, unsigned limit_ms, struct error *err);

/* The same of one run. */
int spool_clear_run(const struct spool_owner *owner, uint64_t number, unsigned limit_ms,
		    struct error *err);

/* The run of the FIFO at @path, as containerd tells it of a task; 0: it is none of the container's
 * in this spool. */
uint64_t spool_run_of(const struct spool_owner *owner, const char *path);

/* Whether run @number is there as it was made. */
bool spool_is_whole(const struct spool_owner *owner, uint64_t number);

/* The names of all entries, each once. The spool need not be there. */
int spool_list(const char *dir, struct strv *ret_entries, struct error *err);

/* Whether the entry was done with, and what is left of it is kukeon-log's. */
bool spool_is_done(const char *dir, const char *entry);

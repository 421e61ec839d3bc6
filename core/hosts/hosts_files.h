/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the hosts files of running cells true while cells around them come, go and move.
 *
 * Whoever changes an address or an alias says so of the spaces that the cell is in. A round then
 * takes down what every affected cell sees; a worker renders it once for all that see the same, and
 * writes into each file the lines that changed (core/hosts/hosts_lines.h): of a space of a thousand
 * cells some 50 kB and ten microseconds a file. A file that a round has not written, or that
 * another hand has written since, is compared with all that it is to say, as every file is when all
 * are looked at. Rounds begin at once, but follow each other with a pause of several times what the
 * last one took, so that a thousand cells that start together cost a part of one processor and each
 * file is late by half a second at most.
 */
#pragma once

#include "core/base/map.h"
#include "core/hosts/cellfiles.h"
#include "core/loop/loop.h"
#include "core/model/model.h"

struct engine;
struct object;
struct hosts_job;

struct hosts_files {
	struct engine *engine;
	struct map changed; /* keys of spaces: struct space_name in hosts_files.c */
	bool all;           /* as if every space had changed */
	bool open;          /* addresses are known: until the first look nothing is written */
	struct timer pause; /* until the next round */
	struct work work;
	struct hosts_job *job; /* under way; NULL: none */
	struct map texts;   /* struct hosts_text.node in hosts_files.c: the job's while it is under
			       way */
	uint64_t last_text; /* counts them */
	bool failed;        /* the last round did, and it was said */
	uint64_t not_before_ms;
	uint64_t rounds, took_ns; /* for tests and bench: all, and the last one */
};

void hosts_files_init(struct engine *engine);

/* The addresses of cells are known from now on: every file is looked at, the first time. */
void hosts_files_open(struct engine *engine);

/* The cell has, or had, another address or other aliases. */
void hosts_files_cell_changed(struct engine *engine, const struct object *cell);

/* Whether cells of these specs have the same aliases. */
bool hosts_files_same_aliases(const Api__CellSpec *a, const Api__CellSpec *b);

/* Some cell came to the space, or left it. */
void hosts_files_space_changed(struct engine *engine, const char *space_key);

/* Every file is looked at: what was not known of some cell is. */
void hosts_files_check_all(struct engine *engine);

/* Starts no further round; one under way ends by itself. */
void hosts_files_close(struct engine *engine);
void hosts_files_fini(struct engine *engine);

/* ---- the files of one cell, before its containers are made ---- */

/* What the cell's files are to say now, its own addresses @at (NULLs: none yet). With @role they
 * are those of that container, which has @hostname. */
struct hosts_job *hosts_job_new(struct engine *engine, const struct object *cell,
				const struct cell_addresses *at, const char *role,
				const char *hostname);

/* What they are to say now, at the addresses that the cell has: its own files, and with @role
 * those of that container too. */
struct hosts_job *hosts_job_again(struct engine *engine, const struct object *cell,
				  const char *role, const char *hostname);

/* Blocking, on a worker. Makes what is missing. */
int hosts_job_write(struct hosts_job *job, struct error *err);
void hosts_job_free(struct hosts_job *job);

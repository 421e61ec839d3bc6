/* SPDX-License-Identifier: Apache-2.0 */
/* One thing that the store writes or removes below the run path, and how that is done so that a
 * power cut leaves the old or the new. */
#pragma once

#include <stdatomic.h>

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/store/store.h"

/* Of directories at and below the run path. */
enum { STORE_DIR_MODE = 0755 };

/* One object's files to write, or its directory to remove, or what the API changes. */
struct store_job {
	struct list link; /* struct store.jobs */
	const char *base; /* the run path; its owner outlives the job */
	char *dir;        /* of the object; NULL: a change of the API */
	enum kind kind;
	bool remove;
	bool in_haste;              /* not so that a power cut leaves it, */
	bool renew;                 /* and again, whatever stands there */
	struct store_change *files; /* names below dir, or the run path */
	size_t n_files;
	bool *beside; /* store_jobs_run(): of each, whether it is written beside what is there */
	struct map_node by_dir;             /* the same: struct map by dir */
	bool outdone;                       /* the same: a later job writes the same object */
	struct strv containers;             /* file names that stay in <dir>/containers */
	char *aside;                        /* a damaged file, to be renamed */
	bool read;                          /* the store is read again: */
	struct strv read_files, read_trees; /* store_unread_keys() */
	struct list stored;                 /* struct stored.link: what was found */
	struct error err;
	store_changed_fn done; /* may be NULL */
	void *ctx;
	const atomic_bool *withdrawn; /* NULL: it is not */
};

/* On a worker thread. How it went is in job->err. */
void store_job_run(struct store_job *job);

/* Whether it does nothing but write the files of an object. */
bool store_job_is_plain(const struct store_job *job);

/* The same for the first @n of struct store_job.link, all plain ones: what they write is synced
 * together, so that it takes a few syncs and not two a file. */
void store_jobs_run(struct list *jobs, size_t n);

/* One more file to write, of @name below the object's directory. Takes @text. */
void store_job_add_file(struct store_job *job, const char *name, char *text);

/* Whether any file is written. Only who has written something knows that there is space. */
bool store_job_writes(const struct store_job *job);

/* Takes it out of its list. */
void store_job_free(struct store_job *job);

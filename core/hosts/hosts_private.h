/* SPDX-License-Identifier: Apache-2.0 */
/* A round that writes hosts files: what a worker takes along, and what is known of the texts.
 * Private to the hosts files. */
#pragma once

#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts.h"
#include "core/hosts/hosts_files.h"
#include "core/hosts/hosts_lines.h"
#include "core/state/cellfiles_written.h"
#include "core/state/object.h"

struct space_name {
	struct map_node node; /* struct hosts_files.changed */
	char *space;
};

/* What all cells that see the same read of each other, as their files have it. */
struct hosts_text {
	struct map_node node; /* struct hosts_files.texts */
	char *key;
	uint64_t id, version; /* counts changes */
	struct hosts_lines lines;
	bool used; /* by the job */
};

/* A cell whose files are written. */
struct hosts_file {
	char *cell;
	char *ip, *ip6;
	char *role, *hostname; /* of one container; NULL: all of the cell */
	size_t view;
	uint64_t version; /* of the text that its files hold; 0: it is not known */
	struct cellfiles_written written;
	unsigned other_writers;
};

struct hosts_job_view {
	struct hosts_view view;
	struct hosts_text *text; /* of a round; else NULL */
	bool rendered;
	uint64_t version_before;
};

/* All strings are its own: a worker has it. */
struct hosts_job {
	char *run_path;
	bool make; /* files that are missing */
	struct hosts_entry *entries;
	size_t n_entries, entries_capacity;
	struct hosts_file *files;
	size_t n_files, files_capacity;
	struct hosts_job_view *views;
	size_t n_views;
	struct engine *engine;
	struct map spaces; /* struct space_name.node: those that some view shows */

	uint64_t took_ns;
	int status;
	struct error err;
};

/* A set of spaces by their keys: struct space_name.node. */
void space_set_add(struct map *set, const char *space);

/* Empties it. */
void space_set_clear(struct map *set);

/* Whether any of them is in the set. */
bool space_set_has_any(const struct map *set, const struct strv *spaces);

/* The space that the cell stands in. */
const struct object *hosts_space_of(const struct object *cell);

/* At which it is found in that space; NULLs: it is not. */
struct cell_addresses hosts_addresses_of_join(const struct join *join);

/* The files of all cells that a change has reached; NULL when nothing is to be written. */
struct hosts_job *hosts_job_round(struct engine *engine);

/* Takes it out too. */
void hosts_text_free(struct hosts_files *files, struct hosts_text *text);

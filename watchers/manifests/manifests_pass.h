/* SPDX-License-Identifier: Apache-2.0 */
/* What a walk through the manifests and its ignore files know of each other. Private to them. */
#pragma once

#include "core/manifest/ignore.h"
#include "watchers/manifests/manifests_walk.h"

/* A directory of the pass, opened. */
struct dir {
	int fd;
	const char *path; /* relative to the root, "" for the root */
	int depth;
	struct error owner; /* code < 0: others than root can write it */
	const struct dir *parent;
	bool has_ignore_file;
	struct ignore ignore;
};

/* For messages: with the directory in front. Free with free(). */
char *manifests_pass_shown_path(const struct manifests_pass *pass, const char *path);

/* More than a limit: nothing of the directory is taken up. */
int manifests_pass_too_much(struct manifests_pass *pass, const char *what, int limit);

/* 0, MANIFESTS_PASS_AGAIN, or an error that is said. */
int manifests_pass_add_found(struct manifests_pass *pass, const char *path,
			     struct manifests_found **ret_found);

/* A directory of which it is not known what is in it. */
void manifests_pass_note_bad_dir(struct manifests_pass *pass, const char *path, int code,
				 const char *why);

/* Beside MANIFESTS_PASS_AGAIN: the directory is not looked into. */
enum { MANIFESTS_SKIPPED = 2 };

/* What the directory ignores. The same results as of a walk, or MANIFESTS_SKIPPED. */
int manifests_load_ignore_file(struct manifests_pass *pass, struct dir *dir);

/* The file nearest to it that says something decides. */
bool manifests_is_ignored(struct manifests_pass *pass, const struct dir *dir, const char *path,
			  bool is_directory);

/* A name of a manifest leads to no directory. */
int manifests_ignore_entry(struct manifests_pass *pass, const char *name, const char *path);

/* Its patterns have taken too long. */
int manifests_ignore_costs_too_much(struct manifests_pass *pass);

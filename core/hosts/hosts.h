/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a hosts file that tell of the cells of a space: cell name, "<cell>.<stack>" and
 * aliases. Pure.
 *
 * A name means what is nearest. Nearest is the stack of the cell that reads the file, then the rest
 * of its space, then what is reached over joins; within each, the name of a cell counts before an
 * alias. What is further away is left out where a nearer one has the name; several that are equally
 * near are all listed, so that an alias can stand for a group. Names are compared as a resolver
 * does: without case.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/str.h"

/* One address of one cell. */
struct hosts_entry {
	char *space; /* key of the space that the address is in */
	char *cell;  /* key of the cell; another space's when it has joined */
	char *address;
	struct strv aliases;
};

void hosts_entry_fini(struct hosts_entry *entry);

/* Where a hosts file is read. */
struct hosts_view {
	char *stack;        /* key */
	struct strv spaces; /* keys: its own, then those joined */
};

void hosts_view_fini(struct hosts_view *view);
bool hosts_view_equal(const struct hosts_view *a, const struct hosts_view *b);

/* Sorts entries so that the same ones always give the same text. */
void hosts_sort(struct hosts_entry *entries, size_t n);

enum {
	HOSTS_MAX_BYTES = 1024 * 1024, /* some thousand cells with long names */
	HOSTS_LINE_MAX_BYTES = 255,    /* musl reads 511 */
};

/* Appends the lines for @view; @entries are sorted. What is too much is left out, and a comment in
 * the end says so. */
void hosts_render(const struct hosts_view *view, const struct hosts_entry *entries, size_t n,
		  struct buf *ret);

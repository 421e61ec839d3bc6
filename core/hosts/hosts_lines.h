/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a hosts file in an order of their own, in which none moves: a new line comes last,
 * one that goes is blanked in its place. So files that hold the text are brought up to date by
 * writing over a few bytes of them. What a name means does not depend on the order of lines
 * (core/hosts/hosts.h). Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/map.h"

/* Bytes of the text that have changed. */
struct hosts_patch {
	size_t at, len;
};

enum {
	HOSTS_PATCHES_MAX = 16,   /* more are dearer than to write all */
	HOSTS_BLANK_BYTES = 4096, /* so much may always be blank, */
	HOSTS_BLANK_PART = 3,     /* else one byte of so many */
};

struct hosts_lines {
	struct buf text;
	struct map lines; /* struct hosts_line.node in hosts_lines.c, by their text */
	size_t blank;     /* bytes of the text */
	unsigned round;   /* counts updates */
	/* What the last update changed: */
	size_t len_before;
	bool whole; /* it was laid out anew */
	struct hosts_patch patches[HOSTS_PATCHES_MAX];
	size_t n_patches; /* 0: nothing */
};

/* Takes over the order of lines of a file that a daemon before us has written. Only while it is
 * empty. */
void hosts_lines_seed(struct hosts_lines *lines, const char *text);

/* Says what @text says, one line after the other. Lines that are there twice may be told once. */
void hosts_lines_update(struct hosts_lines *lines, const char *text);
void hosts_lines_fini(struct hosts_lines *lines);

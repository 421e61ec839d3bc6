/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of containers as kuke log shows them: in a pipe byte for byte, on a terminal so that
 * nothing in them moves the cursor, changes colours or asks the terminal for something.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"
#include "core/base/buf.h"

struct log_print {
	/* set by the owner */
	FILE *out;
	bool color, safe; /* @safe: for a terminal */
	bool timestamps;
	const char *indent; /* in front of each line; NULL: nothing */
	const char *const
		*containers; /* names, which stand in front of their lines; NULL: none do */
	size_t n_containers;

	/* the line that has not ended: of whom it is; NULL: the last one has */
	char *open;
	Api__LogLine__Stream open_stream;
	uint64_t last_ns; /* the latest time shown */
};

void log_print_line(struct log_print *print, const Api__LogLine *line);

/* No more comes. */
void log_print_end(struct log_print *print);

/* Bytes as they show on a terminal, appended to @out: "^[" of an escape, '?' of what is no UTF-8 or
 * turns the direction. */
void log_print_safe(const char *bytes, size_t len, struct buf *out);

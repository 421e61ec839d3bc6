/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a log file as the container runtimes' logs have it:
 * "2026-03-01T12:00:00.123456789Z stdout F text", with P in place of F for a part that goes on in
 * the next line of the same stream.
 */
#pragma once

#include "core/base/util.h"

enum {
	LOG_LINE_MAX = 64 * 1024, /* bytes of a line in a file; what is longer comes in pieces */
	/* Bytes of parts that are joined to one line; what is longer comes in pieces. */
	LOG_JOIN_MAX = 64 * 1024,
	LOG_HEAD_MAX = 64, /* bytes in front of the text */
};

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_STREAMS };

struct log_line {
	int64_t time_ns; /* since 1970 */
	enum log_stream stream;
	bool partial;
	const char *text; /* within what was parsed; may have any bytes */
	size_t len;
};

/* @line without its newline. False: it is none. */
bool log_line_parse(const char *line, size_t len, struct log_line *ret);

/* "2026-03-01T12:00:00.123Z" or with "+02:00": nanoseconds since 1970; false for anything else, and
 * what does not fit. */
bool log_time_parse(const char *text, size_t len, int64_t *ret_ns);

enum { LOG_TIME_BYTES = 40 };

/* With nine digits of the second. */
void log_time_print(int64_t time_ns, char ret[LOG_TIME_BYTES]);

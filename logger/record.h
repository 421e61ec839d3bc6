/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream of bytes is in a log: records, each a line or a part of a long one. Pure.
 *
 * Bytes stay as they are, NUL and escapes too. A line of up to LOG_PART_MAX_BYTES is one full
 * record; a longer one is parts of that size, and a last, full one. Where records begin does not
 * depend on how the bytes arrived: who begins again at the start of any record finds the same ones.
 */
#pragma once

#include "core/logs/log_names.h"

struct record {
	const char *text;
	size_t len;
	size_t n_taken; /* bytes of the stream: the text, and its line break */
	bool is_full;
};

/* The record at the start of @in. False: more bytes have to come first. @end: none will. */
bool record_next(const char *in, size_t len, bool end, struct record *ret);

enum { RECORD_STAMP_BYTES = 31 }; /* "2006-01-02T15:04:05.999999999Z" */
struct timespec;
void record_stamp(const struct timespec *time, char ret[RECORD_STAMP_BYTES]);

/* "<stamp> stdout F <text>\n": what is added to the text, at most. */
enum { RECORD_EXTRA_BYTES = RECORD_STAMP_BYTES + sizeof(" stdout F \n") };

/* Adds that line to @out, which has room for @record->len and the extra bytes; returns its length.
 */
size_t record_print(const struct record *record, const char *stamp, const char *stream, char *out);

/* Prints the records of @in as long as they fit into @size bytes. Returns how much of @in that was.
 */
size_t record_print_all(const char *in, size_t len, bool end, const char *stamp, const char *stream,
			char *out, size_t size, size_t *ret_len);

/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/record.h"

#include <stdio.h>
#include <time.h>

bool record_next(const char *in, size_t len, bool end, struct record *ret)
{
	size_t most = len <= LOG_PART_MAX_BYTES ? len : LOG_PART_MAX_BYTES + 1;
	const char *line_end = most > 0 ? memchr(in, '\n', most) : NULL;

	ret->text = in;
	ret->is_full = line_end != NULL;
	if (line_end != NULL) {
		ret->len = (size_t)(line_end - in);
		ret->n_taken = ret->len + 1;
		return true;
	}
	/* Of exactly the size of a part, the line may end with the next byte. */
	if (len <= LOG_PART_MAX_BYTES && !end)
		return false;
	ret->len = ret->n_taken = len < LOG_PART_MAX_BYTES ? len : LOG_PART_MAX_BYTES;
	return ret->len > 0;
}

void record_stamp(const struct timespec *time, char ret[RECORD_STAMP_BYTES])
{
	char date[sizeof("2006-01-02T15:04:05")];
	struct tm tm;

	gmtime_r(&time->tv_sec, &tm);
	if (strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) ==
	    0) /* no year of four digits */
		strcpy(date, "1970-01-01T00:00:00");
	snprintf(ret, RECORD_STAMP_BYTES, "%s.%09uZ", date,
		 (unsigned int)time->tv_nsec % 1000000000u);
}

size_t record_print(const struct record *record, const char *stamp, const char *stream, char *out)
{
	char *at = out;

	memcpy(at, stamp, RECORD_STAMP_BYTES - 1);
	at += RECORD_STAMP_BYTES - 1;
	*at++ = ' ';
	memcpy(at, stream, strlen("stdout"));
	at += strlen("stdout");
	memcpy(at, record->is_full ? " F " : " P ", 3);
	at += 3;
	memcpy(at, record->text, record->len);
	at += record->len;
	*at++ = '\n';
	return (size_t)(at - out);
}

size_t record_print_all(const char *in, size_t len, bool end, const char *stamp, const char *stream,
			char *out, size_t size, size_t *ret_len)
{
	size_t taken = 0, printed = 0;
	struct record record;

	while (record_next(in + taken, len - taken, end, &record) &&
	       size - printed >= record.len + RECORD_EXTRA_BYTES) {
		printed += record_print(&record, stamp, stream, out + printed);
		taken += record.n_taken;
	}
	*ret_len = printed;
	return taken;
}

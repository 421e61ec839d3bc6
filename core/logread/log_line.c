/* SPDX-License-Identifier: Apache-2.0 */
#include "core/logread/log_line.h"

#include <stdio.h>
#include <time.h>

#include "core/base/str.h"

#define NS_PER_SECOND INT64_C(1000000000)

enum { SECONDS_PER_DAY = 86400, YEAR_MIN = 1970, YEAR_MAX = 2261 };

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool take_number(struct cursor *cursor, int digits, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++, cursor->at++) {
		if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
			return false;
		value = value * 10 + (*cursor->at - '0');
	}
	*ret = value;
	return true;
}

/* Not timegm(): that takes a lock, which may be shut for ever in a process that was forked. */
static int64_t days_since_1970(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int years = year - YEAR_MIN, last = month > 2 ? year : year - 1;
	int leaps = (last / 4 - last / 100 + last / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);

	return (int64_t)years * 365 + leaps + before[month - 1] + day - 1;
}

static bool take_date(struct cursor *cursor, int64_t *ret_seconds)
{
	int year, month, day, hour, minute, second;

	if (!take_number(cursor, 4, &year) || !take(cursor, '-') ||
	    !take_number(cursor, 2, &month) || !take(cursor, '-') ||
	    !take_number(cursor, 2, &day) || !take(cursor, 'T') || !take_number(cursor, 2, &hour) ||
	    !take(cursor, ':') || !take_number(cursor, 2, &minute) || !take(cursor, ':') ||
	    !take_number(cursor, 2, &second))
		return false;
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_seconds = days_since_1970(year, month, day) * SECONDS_PER_DAY + hour * 3600 +
		       minute * 60 + second;
	return true;
}

static bool take_fraction(struct cursor *cursor, int64_t *ret_ns)
{
	int64_t unit = NS_PER_SECOND / 10, ns = 0;
	int digit;

	*ret_ns = 0;
	if (!take(cursor, '.'))
		return true;
	if (!take_number(cursor, 1, &digit))
		return false;
	do {
		ns += digit * unit;
		unit /= 10;
	} while (take_number(cursor, 1, &digit));
	*ret_ns = ns;
	return true;
}

static bool take_zone(struct cursor *cursor, int *ret_seconds)
{
	int sign = 1, hours, minutes;

	*ret_seconds = 0;
	if (take(cursor, 'Z'))
		return true;
	if (take(cursor, '-'))
		sign = -1;
	else if (!take(cursor, '+'))
		return false;
	if (!take_number(cursor, 2, &hours) || !take(cursor, ':') ||
	    !take_number(cursor, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool log_time_parse(const char *text, size_t len, int64_t *ret_ns)
{
	struct cursor cursor = { text, text + len };
	int64_t seconds, ns;
	int zone;

	if (!take_date(&cursor, &seconds) || !take_fraction(&cursor, &ns) ||
	    !take_zone(&cursor, &zone) || cursor.at != cursor.end)
		return false;
	*ret_ns = (seconds - zone) * NS_PER_SECOND + ns;
	return true;
}

static bool take_stream(struct cursor *cursor, enum log_stream *ret)
{
	static const char *const names[LOG_STREAMS] = { "stdout ", "stderr " };

	for (int i = 0; i < LOG_STREAMS; i++) {
		size_t len = strlen(names[i]);

		if ((size_t)(cursor->end - cursor->at) < len ||
		    memcmp(cursor->at, names[i], len) != 0)
			continue;
		cursor->at += len;
		*ret = (enum log_stream)i;
		return true;
	}
	return false;
}

bool log_line_parse(const char *line, size_t len, struct log_line *ret)
{
	const char *space = memchr(line, ' ', len < LOG_HEAD_MAX ? len : LOG_HEAD_MAX);
	struct cursor cursor = { space ? space + 1 : line, line + len };
	bool whole;

	if (!space || !log_time_parse(line, (size_t)(space - line), &ret->time_ns) ||
	    !take_stream(&cursor, &ret->stream))
		return false;
	whole = take(&cursor, 'F');
	if (!whole && !take(&cursor, 'P'))
		return false;
	if (!take(&cursor, ' ') && cursor.at != cursor.end)
		return false;
	ret->partial = !whole;
	ret->text = cursor.at;
	ret->len = (size_t)(cursor.end - cursor.at);
	return true;
}

void log_time_print(int64_t time_ns, char ret[LOG_TIME_BYTES])
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(ret, LOG_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + len, LOG_TIME_BYTES - len, ".%09dZ", (int)(time_ns % NS_PER_SECOND));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "core/base/str.h"

enum { LINE_MAX_BYTES = 2048 };

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_ERROR] = { "error", 3 },
	[LOG_WARNING] = { "warning", 4 },
	[LOG_INFO] = { "info", 6 },
	[LOG_DEBUG] = { "debug", 7 },
};

static atomic_int current_level = LOG_INFO;

void log_set_level(enum log_level level)
{
	current_level = level;
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static int write_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;

	if (!isatty(STDERR_FILENO))
		return snprintf(line, size, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	return snprintf(line, size, "%02d:%02d:%02d.%03ld %-7s ", tm.tm_hour, tm.tm_min, tm.tm_sec,
			now.tv_nsec / 1000000, levels[level].name);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[LINE_MAX_BYTES];
	va_list args;
	int prefix;
	size_t len;
	ssize_t ignored;

	if ((int)level > current_level)
		return;
	prefix = write_prefix(line, sizeof(line), level);
	va_start(args, fmt);
	str_vprint(line + prefix, sizeof(line) - 1 - (size_t)prefix, fmt, args);
	va_end(args);
	len = strlen(line);
	for (size_t i = (size_t)prefix; i < len; i++) /* one event, one line */
		if (line[i] == '\n')
			line[i] = ' ';
	line[len++] = '\n';
	ignored = write(STDERR_FILENO, line, len);
	(void)ignored;
	errno = saved_errno;
}

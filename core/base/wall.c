/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/wall.h"

#include <time.h>

#include "core/base/str.h"

int64_t wall_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *wall_text(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	if (!wall_ms)
		return NULL;
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return xasprintf("%s.%03dZ", text, (int)(wall_ms % 1000));
}

int64_t wall_parse(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int ms = 0;

	if (!rest)
		return 0;
	if (*rest++ == '.')
		for (int weight = 100; weight && *rest >= '0' && *rest <= '9'; weight /= 10)
			ms += (*rest++ - '0') * weight;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/util.h"

#include <stdarg.h>
#include <stdio.h>

_Noreturn void check_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "<0>bug: check failed: %s at %s:%d\n", expr, file, line);
	abort();
}

static _Noreturn void out_of_memory(void)
{
	fputs("<0>out of memory\n", stderr);
	abort();
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *ptr, size_t size)
{
	void *p = realloc(ptr, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup_maybe(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	char *p = strndup(s, n);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return s;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Small things every file needs: assertions that stay on, scope cleanup, allocation that aborts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

/* The struct of @type that embeds *@ptr as @member. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* A bug of ours, never bad input: prints where and aborts, in every build. */
#define check(expr) ((expr) ? (void)0 : check_failed(#expr, __FILE__, __LINE__))
_Noreturn void check_failed(const char *expr, const char *file, int line);

/* Allocation of small, bounded sizes: never NULL, aborts when memory is out. Zeroed. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *s);
char *xstrdup_maybe(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* AUTO(fn) runs fn(&var) at the end of the scope. Never on what a pending callback can reach. */
#define AUTO(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE AUTO(cleanup_free)
#define AUTO_CLOSE AUTO(cleanup_close)

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Hand an AUTO variable over: returns its value and leaves it empty. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

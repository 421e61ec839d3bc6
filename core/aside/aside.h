/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work in a process of its own, for what may never come back.
 *
 * A path that somebody else names may lead to a filesystem that does not answer: a network
 * filesystem whose server is gone, FUSE whose program hangs. Who touches it waits in the kernel,
 * often where no signal reaches. A thread would take its whole process with it: that could not end
 * any more, and would keep its locks and sockets. A process of its own is left behind and hurts
 * nobody.
 *
 * One that is late is not killed: it ends when the filesystem answers again, and so tells when that
 * is. Until then nothing else is started for the same place. But one that waits for no filesystem
 * at all is: a lock that another thread held when it was forked stays shut for it.
 */
#pragma once

#include <errno.h>
#include <limits.h>

#include "core/base/error.h"

/* A place did not answer in time. Nothing has failed yet: it is asked again. */
#define ASIDE_HANGS EREMOTEIO

enum {
	ASIDE_LIMIT_MS = 3000, /* for one place to answer, where nothing else is said */
	ASIDE_PLACES_MAX = 64, /* that hang at once; then nothing further is tried */
};

/* In memory that both processes share. */
struct aside_page {
	char at[PATH_MAX];   /* what the child touches next */
	char hung[PATH_MAX]; /* set: it met a place that is known to hang, and went no further */
	size_t number;       /* for the work: which of several things it is at */
};

struct aside {
	const char *name; /* what it is for: while one of that name hangs, no other is started */
	/*
	 * In the child. Without @allocates: only what is allowed after a fork in a process of many
	 * threads, that is system calls. @result is zeroed memory of @result_bytes, shared; NULL
	 * when there are none.
	 */
	void (*run)(struct aside_page *page, void *result, const void *ctx);
	const void *ctx;
	size_t result_bytes;
	bool allocates; /* may use malloc and stdio */
	bool follows;   /* ends by itself when we do, and others first: aside_end_all() lets it */
	bool resolved;  /* page->at has no links: the whole filesystem that it lies on hangs */
	unsigned limit_ms; /* 0: ASIDE_LIMIT_MS */
};

struct aside_hang {
	char where[PATH_MAX]; /* what does not answer */
	size_t number;        /* the page's, of who found it out */
};

/*
 * Runs it and waits, on any thread but the loop's. 0: it has ended, and *ret_result (to be freed
 * with free(); NULL allowed) is what it wrote. -ASIDE_HANGS: it did not, and @err says what does
 * not answer since when, *ret_hang (NULL allowed) where that is. -ECANCELED: aside_give_up(). Else
 * -errno, mostly -EAGAIN: no process could be had, or it did not get to it.
 */
int aside_run(const struct aside *aside, void **ret_result, struct aside_hang *ret_hang,
	      struct error *err);

/* For the child: whether @path is, or lies in, a place that is known to hang; notes that. */
bool aside_is_hung(struct aside_page *page, const char *path);

/* What hangs now, to be freed with aside_places_free(): for people. */
struct aside_place {
	char *where, *since;
};
size_t aside_places(struct aside_place **ret_places);
void aside_places_free(struct aside_place *places, size_t n);

/* The process is about to end: nobody waits for anything any more, -ECANCELED. */
void aside_give_up(void);

/* The end of it, when nothing runs any more: those left behind end as soon as they can; none is
 * waited for. */
void aside_end_all(void);

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aside/aside_child.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "core/aside/mountinfo.h"
#include "core/base/list.h"
#include "core/base/str.h"

enum { TIME_TEXT_BYTES = 32 };

/*
 * The processes that were left behind. They are of the process, not of an object: whoever asks next
 * for the same place learns of them. Held while forking, so that the child sees the list whole.
 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list left = { &left, &left }; /* struct child.link */
static int given_up_fd = -1;                /* readable: nobody waits any more */
static bool given_up;

static void child_free(struct child *child)
{
	if (child->page)
		munmap(child->page, child->bytes);
	cleanup_close(&child->pidfd);
	free(child->name);
	free(child->where);
	free(child);
}

/* ---- those left behind ---- */

/* With the mutex. */
static void forget_ended(void)
{
	struct child *child;

	list_for_each(child, &left, link) {
		if (!aside_child_has_ended(child))
			continue;
		list_remove(&child->link);
		child_free(child);
	}
}

static void since_text(time_t since, char text[TIME_TEXT_BYTES])
{
	struct tm tm;

	strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&since, &tm));
}

static int say_hangs(const struct child *child, struct aside_hang *ret_hang, struct error *err)
{
	char since[TIME_TEXT_BYTES];

	if (ret_hang)
		str_copy(ret_hang->where, sizeof(ret_hang->where), child->where);
	since_text(child->since, since);
	return error_set(err, -ASIDE_HANGS, "%s has not answered since %s", child->where, since);
}

static const struct child *find_name(const char *name)
{
	const struct child *child;

	list_for_each(child, &left, link)
		if (str_equal(child->name, name))
			return child;
	return NULL;
}

static const struct child *find_where(const char *where)
{
	const struct child *child;

	list_for_each(child, &left, link)
		if (str_equal(child->where, where))
			return child;
	return NULL;
}

/* Several that began at the same time may hang at one place. */
static size_t count_places(void)
{
	const struct child *child;
	size_t n = 0;

	list_for_each(child, &left, link)
		n += find_where(child->where) == child;
	return n;
}

bool aside_is_hung(struct aside_page *page, const char *path)
{
	const struct child *child;

	list_for_each(child, &left, link) {
		size_t len = strlen(child->where);

		if (strncmp(child->where, path, len) != 0 || (path[len] && path[len] != '/'))
			continue;
		memcpy(page->hung, child->where, len + 1);
		return true;
	}
	return false;
}

/* ---- the parent ---- */

static int leave_behind(const struct aside *aside, struct child *child, struct aside_hang *ret_hang,
			struct error *err)
{
	char at[PATH_MAX] = "";
	int r;

	memcpy(at, child->page->at, sizeof(at) - 1);
	child->where = aside->resolved && *at ? mountinfo_find(at) : NULL;
	if (!child->where || str_equal(child->where, "/")) {
		free(child->where);
		child->where = xstrdup(*at ? at : aside->name);
	}
	pthread_mutex_lock(&mutex);
	r = given_up ? error_set(err, -ECANCELED, "kukeond is stopping")
		     : say_hangs(child, ret_hang, err);
	list_append(&left, &child->link);
	pthread_mutex_unlock(&mutex);
	return r;
}

/* It met a place that another one hangs at. */
static int judge_met(const struct child *child, struct aside_hang *ret_hang, struct error *err)
{
	const struct child *other;
	int r = -EAGAIN;

	pthread_mutex_lock(&mutex);
	other = find_where(child->page->hung);
	if (other)
		r = say_hangs(other, ret_hang, err);
	else
		error_set(err, r, "%s answers again", child->page->hung);
	pthread_mutex_unlock(&mutex);
	return r;
}

static int judge_ended(const struct child *child, struct aside_hang *ret_hang, struct error *err)
{
	int status = 0;

	if (waitpid(child->pid, &status, 0) != child->pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != EXIT_SUCCESS)
		return error_set(err, -EAGAIN, "the process that looked at %s was ended",
				 child->page->at);
	return *child->page->hung ? judge_met(child, ret_hang, err) : 0;
}

/* With the mutex: whether something may be started. */
static int may_start(const char *name, struct aside_hang *ret_hang, struct error *err)
{
	const struct child *other;

	if (given_up_fd < 0)
		given_up_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	forget_ended();
	other = find_name(name);
	if (given_up)
		return error_set(err, -ECANCELED, "kukeond is stopping");
	if (other && ret_hang)
		ret_hang->number = other->page->number;
	if (other)
		return say_hangs(other, ret_hang, err);
	if (count_places() >= ASIDE_PLACES_MAX)
		return error_set(err, -EAGAIN, "%d other places do not answer", ASIDE_PLACES_MAX);
	return 0;
}

/* 0 with *ret, or why nothing was started. */
static int begin(const struct aside *aside, struct child **ret, struct aside_hang *ret_hang,
		 struct error *err)
{
	struct child *child = NULL;
	int r;

	pthread_mutex_lock(&mutex);
	r = may_start(aside->name, ret_hang, err);
	if (r == 0) {
		child = xnew(struct child);
		child->pidfd = -1;
		child->name = xstrdup(aside->name);
		r = aside_child_start(aside, child, err);
	}
	pthread_mutex_unlock(&mutex);
	if (r == 0)
		*ret = child;
	else if (child)
		child_free(child);
	return r;
}

int aside_run(const struct aside *aside, void **ret_result, struct aside_hang *ret_hang,
	      struct error *err)
{
	struct child *child = NULL;
	enum end end;
	int r;

	if (ret_hang)
		*ret_hang = (struct aside_hang){ .number = SIZE_MAX };
	r = begin(aside, &child, ret_hang, err);
	if (r < 0)
		return r;
	end = aside_child_await(child, given_up_fd,
				aside->limit_ms ? aside->limit_ms : ASIDE_LIMIT_MS);
	if (end == LATE && aside_child_waits_for_no_place(child) && aside_child_end(child)) {
		r = error_set(err, -EAGAIN, "the process that looks at %s did not get to it",
			      aside->name);
	} else if (end != ENDED) {
		if (ret_hang)
			ret_hang->number = child->page->number;
		return leave_behind(aside, child, ret_hang, err);
	} else {
		r = judge_ended(child, ret_hang, err);
	}
	if (ret_hang)
		ret_hang->number = child->page->number;
	if (r == 0 && ret_result) {
		*ret_result = xcalloc(1, aside->result_bytes);
		memcpy(*ret_result, child->page + 1, aside->result_bytes);
	}
	child_free(child);
	return r;
}

/* ---- for people, and the end ---- */

size_t aside_places(struct aside_place **ret_places)
{
	struct aside_place *places;
	const struct child *child;
	size_t n = 0;

	pthread_mutex_lock(&mutex);
	forget_ended();
	places = xcalloc(count_places() + 1, sizeof(*places));
	list_for_each(child, &left, link) {
		if (find_where(child->where) != child)
			continue;
		places[n].since = xcalloc(1, TIME_TEXT_BYTES);
		since_text(child->since, places[n].since);
		places[n++].where = xstrdup(child->where);
	}
	pthread_mutex_unlock(&mutex);
	*ret_places = places;
	return n;
}

void aside_places_free(struct aside_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(places[i].where);
		free(places[i].since);
	}
	free(places);
}

void aside_give_up(void)
{
	pthread_mutex_lock(&mutex);
	given_up = true;
	if (given_up_fd >= 0)
		eventfd_write(given_up_fd, 1);
	pthread_mutex_unlock(&mutex);
}

void aside_end_all(void)
{
	struct child *child;

	pthread_mutex_lock(&mutex);
	cleanup_close(&given_up_fd);
	given_up_fd = -1;
	given_up = false;
	list_for_each(child, &left, link) {
		if (!child->follows)
			pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
		list_remove(&child->link);
		aside_child_has_ended(child);
		child_free(child);
	}
	pthread_mutex_unlock(&mutex);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/log_keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "core/base/backoff.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "drivers/logs/fifo_watch.h"
#include "drivers/logs/log_reader.h"
#include "drivers/logs/spool.h"

enum {
	/* For kukeon-log to answer, twice of which is how long one that stands still is not
	   noticed. */
	ANSWER_MS = 2000,
	BEGINS_MS = 1000,         /* from its start until it can be asked */
	LOOK_AGAIN_MS = 250,      /* while somebody else may be starting it */
	RUNS_WELL_MS = 10 * 1000, /* whoever ends later is started again at once */
};

/* Between two starts of one that ends at once. */
static const struct backoff starts = { .first_ms = 100, .last_ms = 5000 };

struct log_keeper {
	struct loop *loop;
	struct log_keeper_options options; /* with strings of our own */
	uint64_t patient_until_ms;
	/* What a worker does, and what comes of it. */
	struct work work;
	bool busy, start, answered;
	pid_t found;
	int status;
	struct error err;

	pid_t pid; /* who reads; 0: nobody */
	uint64_t since_ms;
	unsigned ends; /* soon after it was started, in a row */
	int pidfd;
	uv_poll_t poll;              /* on that, while there is one */
	struct timer timer;          /* when to look, or when an answer has to be there */
	struct inotify_user inotify; /* tells of runs that begin and end */
	struct fifo_watch fifos;     /* the worker's while it is busy */
	uv_poll_t writes;            /* on those */
	bool watches, scan_again;
	char token[32]; /* of the question under way; "": none */
	unsigned long questions;

	bool closing;
	unsigned n_handles; /* not closed yet */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void look(struct log_keeper *keeper);

static void on_look_again(struct timer *timer)
{
	look(container_of(timer, struct log_keeper, timer));
}

static void look_in(struct log_keeper *keeper, uint64_t ms)
{
	if (!keeper->closing)
		timer_start(keeper->loop, &keeper->timer, ms, on_look_again);
}

/* ---- whether it answers ---- */

static void finish_close(struct log_keeper *keeper);
static void on_poll_closed(uv_handle_t *handle);
static void watch_writes(struct log_keeper *keeper);
static void on_write(uv_poll_t *poll, int status, int events);

static void do_work(struct log_keeper *keeper, work_fn run, work_fn done)
{
	check(!keeper->busy);
	keeper->busy = true;
	loop_work(keeper->loop, &keeper->work, run, done);
}

static void run_scan(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	fifo_watch_scan(&keeper->fifos, keeper->options.spool);
}

static void on_scanned(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->busy = false;
	if (keeper->closing)
		return finish_close(keeper);
	if (!keeper->pid)
		return look_in(keeper, 0);
	if (keeper->scan_again)
		return watch_writes(keeper);
	keeper->watches = uv_poll_start(&keeper->writes, UV_READABLE, on_write) == 0;
}

/* From now on the first write leads to a question. */
static void watch_writes(struct log_keeper *keeper)
{
	keeper->token[0] = '\0';
	keeper->scan_again = false;
	if (keeper->fifos.epoll_fd >= 0)
		do_work(keeper, run_scan, on_scanned);
}

static void stop_watching(struct log_keeper *keeper)
{
	if (keeper->watches)
		uv_poll_stop(&keeper->writes);
	keeper->watches = false;
}

/* A run begins or ends: what is watched is another. */
static void on_spool_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct log_keeper *keeper = container_of(user, struct log_keeper, inotify);
	char entry[LOG_NAME_MAX_BYTES];
	enum log_suffix suffix;

	if (!(event->mask & IN_Q_OVERFLOW) &&
	    (!event->len || !log_spool_parse(event->name, entry, &suffix)))
		return;
	keeper->scan_again = true;
	if (!keeper->watches)
		return;
	stop_watching(keeper);
	watch_writes(keeper);
}

static void run_look_at_answer(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->answered = log_reader_answered(keeper->options.spool, keeper->token);
	keeper->found = keeper->answered ? 0 : spool_reader(keeper->options.spool);
}

/* The lock is another's by now: who is followed is looked for anew. */
static void leave_reader(struct log_keeper *keeper)
{
	uv_close((uv_handle_t *)&keeper->poll, on_poll_closed);
}

/* Its end is seen as any other. What is killed is the process that is followed, and holds the lock
 * as well. */
static void on_answer_seen(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->busy = false;
	if (keeper->closing) {
		finish_close(keeper);
	} else if (!keeper->answered && keeper->found > 1 && keeper->found == keeper->pid) {
		log_warning(
			"kukeon-log does not read what containers print, and is replaced pid=%d",
			keeper->found);
		pidfd_send_signal(keeper->pidfd, SIGKILL, NULL, 0);
		watch_writes(keeper);
	} else if (!keeper->answered && keeper->found > 1 && keeper->pid &&
		   !uv_is_closing((uv_handle_t *)&keeper->poll)) {
		leave_reader(keeper);
	} else if (keeper->pid) {
		watch_writes(keeper);
	} else {
		look_in(keeper, 0);
	}
}

static void on_answer_due(struct timer *timer)
{
	struct log_keeper *keeper = container_of(timer, struct log_keeper, timer);

	do_work(keeper, run_look_at_answer, on_answer_seen);
}

static void run_ask(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->status = log_reader_ask(keeper->options.spool, keeper->token, &keeper->err);
}

static void on_asked(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->busy = false;
	if (keeper->closing)
		return finish_close(keeper);
	if (keeper->status < 0)
		log_debug("kukeon-log cannot be asked: %s", keeper->err.msg);
	if (keeper->pid && keeper->status == 0)
		timer_start(keeper->loop, &keeper->timer, ANSWER_MS, on_answer_due);
	else if (!keeper->pid)
		look_in(keeper, 0);
}

/* Something is written: does it read? */
static void on_write(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct log_keeper *keeper = container_of(poll, struct log_keeper, writes);

	stop_watching(keeper);
	snprintf(keeper->token, sizeof(keeper->token), "%d.%lu", getpid(), ++keeper->questions);
	do_work(keeper, run_ask, on_asked);
}

/* ---- its end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct log_keeper *keeper = handle->data;

	keeper->n_handles--;
	finish_close(keeper);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct log_keeper *keeper = handle->data;

	cleanup_close(&keeper->pidfd);
	keeper->pidfd = -1;
	keeper->pid = 0;
	if (keeper->closing)
		return on_handle_closed(handle);
	if (!keeper->busy)
		look_in(keeper, keeper->ends ? backoff_ms(&starts, keeper->ends - 1) : 0);
}

/* A child of ours is reaped; others are not ours to reap. */
static void on_end(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct log_keeper *keeper = container_of(poll, struct log_keeper, poll);
	siginfo_t info = { 0 };

	if (uv_is_closing((uv_handle_t *)poll))
		return;
	waitid(P_PIDFD, (id_t)keeper->pidfd, &info, WEXITED | WNOHANG);
	if (loop_now_ms(keeper->loop) - keeper->since_ms < RUNS_WELL_MS)
		keeper->ends++;
	else
		keeper->ends = 0;
	log_info("kukeon-log has ended pid=%d", keeper->pid);
	keeper->patient_until_ms = loop_now_ms(keeper->loop) + keeper->options.patience_ms;
	timer_stop(&keeper->timer);
	stop_watching(keeper);
	uv_close((uv_handle_t *)poll, on_poll_closed);
}

/* ---- looking for one, and starting one ---- */

static void run_look(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->status = 0;
	keeper->found = spool_reader(keeper->options.spool);
	if (!keeper->found && keeper->start)
		keeper->status = log_reader_start(&keeper->options, &keeper->found, &keeper->err);
}

static void on_begun(struct timer *timer)
{
	watch_writes(container_of(timer, struct log_keeper, timer));
}

static void follow(struct log_keeper *keeper)
{
	keeper->pidfd = pidfd_open(keeper->found, 0);
	if (keeper->pidfd < 0)
		return look_in(keeper, LOOK_AGAIN_MS);
	keeper->pid = keeper->found;
	keeper->since_ms = loop_now_ms(keeper->loop);
	check(uv_poll_init(&keeper->loop->uv, &keeper->poll, keeper->pidfd) == 0);
	keeper->poll.data = keeper;
	uv_poll_start(&keeper->poll, UV_READABLE, on_end);
	log_debug("kukeon-log reads what containers print pid=%d", keeper->pid);
	timer_start(keeper->loop, &keeper->timer, BEGINS_MS, on_begun);
}

static void on_looked(struct work *work)
{
	struct log_keeper *keeper = container_of(work, struct log_keeper, work);

	keeper->busy = false;
	if (keeper->closing)
		return finish_close(keeper);
	if (keeper->status < 0) {
		log_warning("what containers print is not read: %s", keeper->err.msg);
		look_in(keeper, backoff_ms(&starts, keeper->ends++));
	} else if (keeper->found > 1) {
		follow(keeper);
	} else {
		look_in(keeper, LOOK_AGAIN_MS);
	}
}

static void look(struct log_keeper *keeper)
{
	keeper->start = loop_now_ms(keeper->loop) >= keeper->patient_until_ms;
	do_work(keeper, run_look, on_looked);
}

/* ---- life ---- */

/* Where that cannot be had, only its end is noticed. */
static void watch_spool(struct log_keeper *keeper)
{
	struct error err;

	keeper->fifos.epoll_fd = -1;
	if (fs_make_dirs(keeper->options.spool, 0700, &err) < 0 ||
	    inotify_join(keeper->loop, &keeper->inotify, on_spool_event) < 0)
		return;
	if (inotify_watch(&keeper->inotify, keeper->options.spool, IN_MOVED_TO) < 0 ||
	    fifo_watch_open(&keeper->fifos) < 0)
		return;
	check(uv_poll_init(&keeper->loop->uv, &keeper->writes, keeper->fifos.epoll_fd) == 0);
	keeper->writes.data = keeper;
	keeper->n_handles++;
}

void log_keeper_open(struct log_keeper **ret_keeper, struct loop *loop,
		     const struct log_keeper_options *options)
{
	struct log_keeper *keeper = xnew(struct log_keeper);
	struct log_keeper_options *own = &keeper->options;

	keeper->loop = loop;
	*own = *options;
	own->program = xstrdup(options->program);
	own->spool = xstrdup(options->spool);
	own->state = xstrdup(options->state);
	own->group = xstrdup_maybe(options->group);
	own->cgroup = xstrdup_maybe(options->cgroup);
	keeper->pidfd = -1;
	keeper->patient_until_ms = loop_now_ms(loop) + options->patience_ms;
	watch_spool(keeper);
	look(keeper);
	*ret_keeper = keeper;
}

static void finish_close(struct log_keeper *keeper)
{
	void (*closed)(void *ctx) = keeper->closed;
	void *ctx = keeper->closed_ctx;

	if (keeper->busy || keeper->n_handles)
		return;
	fifo_watch_close(&keeper->fifos);
	free((char *)keeper->options.program);
	free((char *)keeper->options.spool);
	free((char *)keeper->options.state);
	free((char *)keeper->options.group);
	free((char *)keeper->options.cgroup);
	free(keeper);
	closed(ctx);
}

void log_keeper_close(struct log_keeper *keeper, void (*closed)(void *ctx), void *ctx)
{
	keeper->closing = true;
	keeper->closed = closed;
	keeper->closed_ctx = ctx;
	timer_stop(&keeper->timer);
	inotify_leave(&keeper->inotify);
	stop_watching(keeper);
	if (keeper->fifos.epoll_fd >= 0)
		uv_close((uv_handle_t *)&keeper->writes, on_handle_closed);
	if (keeper->pid)
		keeper->n_handles++;
	if (keeper->pid && !uv_is_closing((uv_handle_t *)&keeper->poll))
		uv_close((uv_handle_t *)&keeper->poll, on_poll_closed);
	finish_close(keeper);
}

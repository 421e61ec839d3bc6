/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/logs/log_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/api/logs/log_frames.h"

enum {
	LOG_DEATH_MS = 2000, /* for a process that was killed to be gone; else it is left behind */
	CHILD_FD = 3,
	LOG_LEFT_MAX = 8, /* processes that could not end; then no further one is begun */
};

/* ---- those that were left behind: they end when their directory answers ---- */

static struct {
	pid_t *pids;
	size_t n;
} left;

static void leave(pid_t pid)
{
	left.pids = xrealloc(left.pids, (left.n + 1) * sizeof(*left.pids));
	left.pids[left.n++] = pid;
}

static void reap_left(void)
{
	size_t n = 0;

	for (size_t i = 0; i < left.n; i++)
		if (waitpid(left.pids[i], NULL, WNOHANG) == 0)
			left.pids[n++] = left.pids[i];
	left.n = n;
}

/* ---- the process ---- */

/* Nothing of the daemon's stays open in it. */
static void detach(int fd)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "kukeond-logs");
	dup2(fd, CHILD_FD);
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0 && null != i)
			dup2(null, i);
	}
	close_range(CHILD_FD + 1, ~0U, 0);
}

_Noreturn static void run_child(const struct log_feed *feed, int fd)
{
	detach(fd);
	log_frames_write(feed, CHILD_FD);
	_exit(EXIT_SUCCESS);
}

static int start(struct log_feed *feed, struct error *err)
{
	int ends[2];

	reap_left();
	if (left.n >= LOG_LEFT_MAX)
		return error_set(err, -EIO, "the directory of the logs does not answer");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "no pipe to read logs: %m");
	feed->own.pid = fork();
	if (feed->own.pid == 0)
		run_child(feed, ends[1]);
	close(ends[1]);
	feed->own.fd = ends[0];
	feed->own.pidfd = feed->own.pid < 0 ? -1 : pidfd_open(feed->own.pid, 0);
	if (feed->own.pidfd >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	error_set(err, -EAGAIN, "no process to read logs: %m");
	close(ends[0]);
	if (feed->own.pid > 0 && kill(feed->own.pid, SIGKILL) == 0)
		waitpid(feed->own.pid, NULL, 0);
	return -EAGAIN;
}

/* ---- frames ---- */

static void end(struct log_feed *feed, const struct error *err)
{
	if (feed->own.ended)
		return;
	feed->own.ended = true;
	timer_stop(&feed->own.silence);
	uv_poll_stop(&feed->own.out);
	feed->on_end(feed, err);
}

static void fail(struct log_feed *feed, int code, const char *why, size_t len)
{
	struct error err;

	error_set(&err, code, "%.*s", (int)len, why);
	end(feed, &err);
}

static void on_silence(struct timer *timer)
{
	static const char why[] = "the directory of the logs does not answer";

	fail(container_of(timer, struct log_feed, own.silence), -EIO, why, strlen(why));
}

/* Who follows may hear nothing for long; but that the directory answers, at once. */
static void await(struct log_feed *feed)
{
	if (feed->own.paused || feed->own.ended || (feed->own.heard && feed->query.follow))
		timer_stop(&feed->own.silence);
	else
		timer_start(feed->loop, &feed->own.silence, LOG_SILENCE_MS, on_silence);
}

static void take_frame(struct log_feed *feed, const struct log_frame *frame, const uint8_t *data)
{
	feed->own.heard = true;
	switch (frame->kind) {
	case LOG_FRAME_LINES:
		feed->own.paused = !feed->on_lines(feed, data, frame->len);
		break;
	case LOG_FRAME_DONE:
		return end(feed, NULL);
	case LOG_FRAME_FAILED:
		return fail(feed, -EIO, (const char *)data, frame->len);
	default:
		break;
	}
}

/* Whether there was a whole one. */
static bool take_first(struct log_feed *feed)
{
	struct log_frame frame;
	size_t whole;

	if (feed->own.len < sizeof(frame))
		return false;
	memcpy(&frame, feed->own.data, sizeof(frame));
	check(frame.len <= LOG_FRAME_MAX);
	whole = sizeof(frame) + frame.len;
	if (feed->own.len < whole)
		return false;
	take_frame(feed, &frame, (uint8_t *)feed->own.data + sizeof(frame));
	feed->own.len -= whole;
	memmove(feed->own.data, feed->own.data + whole, feed->own.len);
	return true;
}

static void take_all(struct log_feed *feed)
{
	while (!feed->own.paused && !feed->own.ended && take_first(feed))
		;
	await(feed);
	if (feed->own.paused && !feed->own.ended)
		uv_poll_stop(&feed->own.out);
}

static void on_readable(uv_poll_t *handle, int status, int events UNUSED)
{
	static const char why[] = "the process that reads the logs has ended early";
	struct log_feed *feed = container_of(handle, struct log_feed, own.out);
	size_t room = sizeof(struct log_frame) + LOG_FRAME_MAX - feed->own.len;
	ssize_t n = status < 0 ? 0 : read(feed->own.fd, feed->own.data + feed->own.len, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return fail(feed, -EIO, why, strlen(why));
	feed->own.len += (size_t)n;
	take_all(feed);
}

void log_feed_resume(struct log_feed *feed)
{
	if (!feed->own.paused || feed->own.ended || feed->own.closing)
		return;
	feed->own.paused = false;
	take_all(feed);
	if (!feed->own.paused && !feed->own.ended)
		uv_poll_start(&feed->own.out, UV_READABLE, on_readable);
}

/* ---- life ---- */

int log_feed_open(struct log_feed *feed, struct error *err)
{
	int r;

	memset(&feed->own, 0, sizeof(feed->own));
	r = start(feed, err);
	if (r < 0)
		return r;
	feed->own.data = xcalloc(1, sizeof(struct log_frame) + LOG_FRAME_MAX);
	check(uv_poll_init(&feed->loop->uv, &feed->own.out, feed->own.fd) == 0);
	check(uv_poll_init(&feed->loop->uv, &feed->own.gone, feed->own.pidfd) == 0);
	feed->own.n_handles = 2;
	uv_poll_start(&feed->own.out, UV_READABLE, on_readable);
	await(feed);
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct log_feed *feed = handle->data;

	if (--feed->own.n_handles)
		return;
	close(feed->own.fd);
	close(feed->own.pidfd);
	free(feed->own.data);
	feed->own.closed(feed);
}

static void close_handles(struct log_feed *feed)
{
	timer_stop(&feed->own.silence);
	if (waitpid(feed->own.pid, NULL, WNOHANG) == 0)
		leave(feed->own.pid);
	feed->own.out.data = feed->own.gone.data = feed;
	uv_close((uv_handle_t *)&feed->own.out, on_handle_closed);
	uv_close((uv_handle_t *)&feed->own.gone, on_handle_closed);
}

static void on_gone(uv_poll_t *handle, int status UNUSED, int events UNUSED)
{
	close_handles(container_of(handle, struct log_feed, own.gone));
}

static void on_left_behind(struct timer *timer)
{
	close_handles(container_of(timer, struct log_feed, own.silence));
}

void log_feed_close(struct log_feed *feed, void (*closed)(struct log_feed *feed))
{
	feed->own.closing = feed->own.ended = true;
	feed->own.closed = closed;
	uv_poll_stop(&feed->own.out);
	pidfd_send_signal(feed->own.pidfd, SIGKILL, NULL, 0);
	uv_poll_start(&feed->own.gone, UV_READABLE, on_gone);
	timer_start(feed->loop, &feed->own.silence, LOG_DEATH_MS, on_left_behind);
}

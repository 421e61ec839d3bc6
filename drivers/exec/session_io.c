/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command reads and writes. The FIFOs are read as long as what was read is taken; when
 * nobody takes it the kernel's buffers fill and the command waits. Once it is over they are read to
 * nowhere, so that neither it nor its shim waits for a reader who has gone.
 */
#include <errno.h>

#include "drivers/exec/session_private.h"

static bool drops(const struct session *session)
{
	return session->cancelled || session->state == SESSION_GOING;
}

/* ---- handles ---- */

static void on_fifo_closed(uv_handle_t *handle)
{
	struct session_fifo *fifo = container_of((uv_poll_t *)handle, struct session_fifo, poll);

	session_handle_closed(fifo->session);
}

static void fifo_close(struct session_fifo *fifo)
{
	if (fifo->polled)
		uv_close((uv_handle_t *)&fifo->poll, on_fifo_closed);
	fifo->polled = false;
	if (fifo->fd >= 0)
		close(fifo->fd);
	fifo->fd = -1;
}

static void fifo_watch(struct session *session, struct session_fifo *fifo, int events,
		       uv_poll_cb fn)
{
	if (fifo->fd < 0)
		return;
	if (!fifo->polled) {
		if (uv_poll_init(&session->sessions->ctd->ops.loop->uv, &fifo->poll, fifo->fd) < 0)
			return fifo_close(fifo);
		fifo->polled = true;
		fifo->session = session;
		session->n_handles++;
	}
	uv_poll_start(&fifo->poll, events, fn);
}

static void fifo_rest(struct session_fifo *fifo)
{
	if (fifo->polled)
		uv_poll_stop(&fifo->poll);
}

/* ---- output ---- */

static void rest(struct session *session)
{
	for (size_t i = 0; i < EXEC_STREAMS; i++)
		fifo_rest(&session->fifos[i]);
}

/* What was read last, to whoever is to have it. False: it is held. */
static bool give(struct session *session, enum exec_stream stream, size_t len)
{
	if (!session->exec->on_output(session->exec, stream, session->piece, len)) {
		session->held = len;
		session->held_stream = stream;
		return false;
	}
	session->held = 0;
	if (session->state == SESSION_ENDED)
		session->after_end += len;
	return true;
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct session_fifo *fifo = container_of(poll, struct session_fifo, poll);
	struct session *session = fifo->session;
	ssize_t n;

	if (session->held && !drops(session))
		return rest(session);
	n = read(fifo->fd, session->piece, EXEC_PIECE_MAX_BYTES);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		fifo_close(fifo);
	else if (!drops(session) &&
		 !give(session, (enum exec_stream)(fifo - session->fifos), (size_t)n))
		rest(session);
	session_check_drained(session);
}

void session_read_on(struct session *session)
{
	for (size_t i = 0; i < EXEC_STREAMS; i++)
		fifo_watch(session, &session->fifos[i], UV_READABLE | UV_DISCONNECT, on_readable);
}

bool session_has_all(const struct session *session)
{
	return session->fifos[EXEC_OUT].fd < 0 && session->fifos[EXEC_ERR].fd < 0;
}

void session_resume(struct exec_session *exec)
{
	struct session *session = exec->state;

	if (!session || !session->held || drops(session) ||
	    !give(session, session->held_stream, session->held))
		return;
	session_read_on(session);
	session_check_drained(session);
}

/* ---- input ---- */

static void on_room(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct session *session = container_of(poll, struct session_fifo, poll)->session;

	fifo_rest(&session->input);
	if (!drops(session))
		session->exec->on_room(session->exec);
}

size_t session_give(struct exec_session *exec, const void *data, size_t len)
{
	struct session *session = exec->state;
	ssize_t n;

	if (!session || session->input.fd < 0 || drops(session))
		return len; /* nobody reads it */
	do
		n = write(session->input.fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return len;
	n = n < 0 ? 0 : n;
	if ((size_t)n < len)
		fifo_watch(session, &session->input, UV_WRITABLE, on_room);
	return (size_t)n;
}

void session_close_input(struct session *session)
{
	fifo_close(&session->input);
}

void session_close_files(struct session *session)
{
	fifo_close(&session->input);
	for (size_t i = 0; i < EXEC_STREAMS; i++)
		fifo_close(&session->fifos[i]);
}

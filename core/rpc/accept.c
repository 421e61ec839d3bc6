/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accept() until gRPC has the descriptor.
 *
 * gRPC never sees the listening socket: only the one who accepts can ask SO_PEERCRED. A call says
 * "fd:N" about its peer; gRPC closes a descriptor only after the last call on it, so N cannot mean
 * another peer while a call lives.
 *
 * gRPC gets a descriptor only when the peer has sent the greeting with which every HTTP/2 client
 * begins: a connection costs gRPC some ten kilobytes and has no time limit there before its first
 * frame. Who is silent, slow or speaks something else costs a few hundred bytes here, and not for
 * long: when there are too many of them the oldest goes first, since who means well greets at once.
 *
 * gRPC does not tell when it closes a descriptor either. How many it holds is found out only when
 * it matters, at the limit: a descriptor is still that connection when it has the same inode.
 */
#include <errno.h>
#include <grpc/grpc_posix.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "core/rpc/server.h"

enum {
	ACCEPT_BATCH = 16,          /* connections per turn of the loop */
	ACCEPT_PAUSE_MS = 100,      /* at a limit: level-triggered polling would spin */
	GREETINGS_MAX = 128,        /* awaited at once */
	GREETING_TIMEOUT_MS = 5000, /* a client sends it before anything else */
	GREETING_PAUSE_MS = 50,     /* with a part of it there: polling would spin as well */
};

#define GREETING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* The socket that is listened at. */
struct listener {
	struct rpc_server *server;
	int fd;
	uv_poll_t poll;
};

/* A connection whose greeting is awaited. */
struct greeting {
	struct list link; /* struct rpc_server.greetings */
	struct rpc_server *server;
	int fd;
	struct rpc_peer peer;
	uint64_t deadline_ms;
	uv_poll_t poll;
	struct timer timer; /* the deadline, or the next look */
};

/* ---- what gRPC has ---- */

static struct connection *slot_of(struct rpc_server *server, int fd)
{
	size_t index = (size_t)fd;

	if (index >= server->n_connections) {
		size_t n = index + 64;

		server->connections =
			xrealloc(server->connections, n * sizeof(*server->connections));
		while (server->n_connections < n)
			server->connections[server->n_connections++] = (struct connection){ 0 };
	}
	return &server->connections[index];
}

static void hand_over(struct rpc_server *server, int fd, const struct rpc_peer *peer)
{
	struct stat info;

	if (fstat(fd, &info) < 0) {
		log_debug("connection refused: cannot look at it: %s", strerror(errno));
		close(fd);
		return;
	}
	*slot_of(server, fd) =
		(struct connection){ .known = true, .inode = info.st_ino, .peer = *peer };
	server->n_handed_over++;
	grpc_server_add_channel_from_fd(server->grpc, fd, server->credentials);
}

static void forget_closed(struct rpc_server *server)
{
	server->n_handed_over = 0;
	for (size_t fd = 0; fd < server->n_connections; fd++) {
		struct connection *connection = &server->connections[fd];
		struct stat info;

		if (!connection->known)
			continue;
		if (fstat((int)fd, &info) == 0 && S_ISSOCK(info.st_mode) &&
		    info.st_ino == connection->inode)
			server->n_handed_over++;
		else
			connection->known = false;
	}
}

static bool is_full(struct rpc_server *server)
{
	if (server->n_handed_over >= SERVER_CONNECTIONS_MAX)
		forget_closed(server);
	return server->n_handed_over >= SERVER_CONNECTIONS_MAX;
}

struct connection *server_connection(struct rpc_server *server, int fd)
{
	if (fd < 0 || (size_t)fd >= server->n_connections || !server->connections[fd].known)
		return NULL;
	return &server->connections[fd];
}

/* ---- the greeting ---- */

enum greeting_state { GREETING_MISSING, GREETING_PART, GREETING_COMPLETE, GREETING_WRONG };

static enum greeting_state look_at_greeting(int fd)
{
	char text[sizeof(GREETING) - 1];
	ssize_t n = recv(fd, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GREETING_MISSING;
	if (n <= 0 || memcmp(text, GREETING, (size_t)n) != 0)
		return GREETING_WRONG;
	return n == sizeof(text) ? GREETING_COMPLETE : GREETING_PART;
}

static void on_greeting_closed(uv_handle_t *handle)
{
	struct greeting *greeting = container_of((uv_poll_t *)handle, struct greeting, poll);
	struct rpc_server *server = greeting->server;

	free(greeting);
	server->n_greetings--;
	server_maybe_closed(server);
}

/* The descriptor is the caller's from now on. */
static int greeting_end(struct greeting *greeting)
{
	timer_stop(&greeting->timer);
	list_remove(&greeting->link);
	uv_close((uv_handle_t *)&greeting->poll, on_greeting_closed);
	return greeting->fd;
}

static void greeting_drop(struct greeting *greeting, const char *why)
{
	log_debug("connection closed: %s pid=%d uid=%u", why, (int)greeting->peer.pid,
		  (unsigned)greeting->peer.uid);
	close(greeting_end(greeting));
}

static void on_greeting_readable(uv_poll_t *poll, int status, int events);

static void on_greeting_timer(struct timer *timer);

static void greeting_look(struct greeting *greeting)
{
	struct rpc_server *server = greeting->server;
	uint64_t next_ms = loop_now_ms(server->rpc->loop) + GREETING_PAUSE_MS;

	switch (look_at_greeting(greeting->fd)) {
	case GREETING_COMPLETE:
		hand_over(server, greeting_end(greeting), &greeting->peer);
		return;
	case GREETING_WRONG:
		greeting_drop(greeting, "it does not speak HTTP/2");
		return;
	case GREETING_PART:
		uv_poll_stop(&greeting->poll);
		timer_start_at(server->rpc->loop, &greeting->timer,
			       next_ms < greeting->deadline_ms ? next_ms : greeting->deadline_ms,
			       on_greeting_timer);
		return;
	case GREETING_MISSING:
		return;
	}
}

static void on_greeting_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	greeting_look(container_of(poll, struct greeting, poll));
}

static void on_greeting_timer(struct timer *timer)
{
	struct greeting *greeting = container_of(timer, struct greeting, timer);

	if (loop_now_ms(greeting->server->rpc->loop) >= greeting->deadline_ms)
		greeting_drop(greeting, "it did not greet in time");
	else
		greeting_look(greeting);
}

static void make_room(struct rpc_server *server)
{
	struct list *oldest = server->greetings.next;

	if (server->n_greetings >= GREETINGS_MAX && oldest != &server->greetings)
		greeting_drop(list_entry(oldest, struct greeting, link),
			      "it has not greeted and there are too many");
}

static void await_greeting(struct rpc_server *server, int fd, const struct rpc_peer *peer)
{
	struct greeting *greeting = xnew(struct greeting);
	unsigned idle_ms = server->options.idle_timeout_ms, timeout_ms = GREETING_TIMEOUT_MS;

	make_room(server);
	if (uv_poll_init(&server->rpc->loop->uv, &greeting->poll, fd) < 0) {
		free(greeting);
		close(fd);
		return;
	}
	if (idle_ms && idle_ms < timeout_ms)
		timeout_ms = idle_ms;
	greeting->server = server;
	greeting->fd = fd;
	greeting->peer = *peer;
	greeting->deadline_ms = loop_now_ms(server->rpc->loop) + timeout_ms;
	server->n_greetings++;
	list_append(&server->greetings, &greeting->link);
	uv_poll_start(&greeting->poll, UV_READABLE | UV_DISCONNECT, on_greeting_readable);
	timer_start_at(server->rpc->loop, &greeting->timer, greeting->deadline_ms,
		       on_greeting_timer);
}

/* ---- accepting ---- */

static void add_connection(struct rpc_server *server, int fd)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	struct rpc_peer peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0) {
		log_debug("connection refused: cannot tell who is there: %s", strerror(errno));
		close(fd);
		return;
	}
	peer = (struct rpc_peer){ .uid = credentials.uid,
				  .gid = credentials.gid,
				  .pid = credentials.pid };
	if (server->options.admits && !server->options.admits(fd, &peer, server->options.ctx)) {
		log_debug("connection refused: neither root nor of our group pid=%d uid=%u",
			  (int)peer.pid, (unsigned)peer.uid);
		close(fd);
		return;
	}
	if (look_at_greeting(fd) == GREETING_COMPLETE)
		hand_over(server, fd, &peer);
	else
		await_greeting(server, fd, &peer);
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_accept_pause_over(struct timer *timer)
{
	struct rpc_server *server = container_of(timer, struct rpc_server, accept_pause);

	uv_poll_start(&server->listener->poll, UV_READABLE, on_connection);
}

static void pause_accepting(struct rpc_server *server, const char *why)
{
	log_debug("connections wait: %s", why);
	uv_poll_stop(&server->listener->poll);
	timer_start(server->rpc->loop, &server->accept_pause, ACCEPT_PAUSE_MS,
		    on_accept_pause_over);
}

static void on_connection(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct rpc_server *server = container_of(poll, struct listener, poll)->server;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd;

		if (is_full(server)) {
			pause_accepting(server, "there are too many");
			return;
		}
		fd = accept4(server->listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			add_connection(server, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			pause_accepting(server, strerror(errno));
			return;
		}
	}
}

/* ---- life ---- */

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = container_of((uv_poll_t *)handle, struct listener, poll);
	struct rpc_server *server = listener->server;

	free(listener);
	server->n_listeners--;
	server_maybe_closed(server);
}

static void listener_close(struct listener *listener)
{
	uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
	close(listener->fd);
}

static int listener_open(struct rpc_server *server, int fd, struct listener **ret_listener,
			 struct error *err)
{
	struct listener *listener = xnew(struct listener);
	int r = uv_poll_init(&server->rpc->loop->uv, &listener->poll, fd);

	if (r < 0) {
		free(listener);
		return error_set(err, r, "cannot wait for connections: %s", uv_strerror(r));
	}
	listener->server = server;
	listener->fd = fd;
	server->n_listeners++;
	*ret_listener = listener;
	return 0;
}

int server_accept_open(struct rpc_server *server, struct error *err)
{
	list_init(&server->greetings);
	return listener_open(server, server->options.listen_fd, &server->listener, err);
}

void server_accept_start(struct rpc_server *server)
{
	uv_poll_start(&server->listener->poll, UV_READABLE, on_connection);
}

int rpc_server_listen(struct rpc_server *server, int fd, struct error *err)
{
	struct listener *old = server->listener;
	int r = server->closing ? error_set(err, -ECANCELED, "the daemon is shutting down")
				: listener_open(server, fd, &server->listener, err);

	if (r < 0) {
		close(fd);
		return r;
	}
	listener_close(old);
	if (!timer_active(&server->accept_pause))
		server_accept_start(server);
	return 0;
}

void server_accept_close(struct rpc_server *server)
{
	struct greeting *greeting;

	timer_stop(&server->accept_pause);
	list_for_each(greeting, &server->greetings, link)
		greeting_drop(greeting, "the daemon is shutting down");
	listener_close(server->listener);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a host name stands for: the host's files and name servers, asked through c-ares, which tells
 * how long an answer lasts. The settings are read anew each time. */
#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>

#include "drivers/cni/op.h"

enum {
	TRY_MS = 1000, /* of one name server; the second try takes twice as long */
	TRIES = 2,
	ALL_MS = 5000,
	TURN_MS = 200, /* how soon it ends when the daemon does */
};

/* One family is asked for without the other: there are name servers that never answer for IPv6. */
struct question {
	struct resolve_op *resolve;
	bool ended;
	int status; /* of c-ares */
};

struct resolve_op {
	struct op op;
	char *host;
	struct resolved resolved, *ret_resolved;
	struct question v4, v6;
	int ttl; /* the shortest, seconds */
};

static int by_address(const void *a, const void *b)
{
	return ip_compare(a, b);
}

static bool read_address(const struct ares_addrinfo_node *node, struct ip *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(void *)node->ai_addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(void *)node->ai_addr;

	if (node->ai_family == AF_INET)
		return ip_from_bytes(&v4->sin_addr, sizeof(v4->sin_addr), ret);
	return node->ai_family == AF_INET6 &&
	       ip_from_bytes(&v6->sin6_addr, sizeof(v6->sin6_addr), ret);
}

static void on_answer(void *arg, int status, int timeouts UNUSED, struct ares_addrinfo *answer)
{
	struct question *question = arg;
	struct resolve_op *resolve = question->resolve;
	struct resolved *resolved = &resolve->resolved;

	question->ended = true;
	question->status = status;
	if (status != ARES_SUCCESS)
		return;
	for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next) {
		if (resolved->n == RESOLVED_MAX ||
		    !read_address(node, &resolved->addresses[resolved->n]))
			continue;
		resolved->n++;
		if (node->ai_ttl < resolve->ttl)
			resolve->ttl = node->ai_ttl < 0 ? 0 : node->ai_ttl;
	}
	ares_freeaddrinfo(answer);
}

/* Hands c-ares what has arrived, or that nothing has. False: it waits for nothing any more. Of the
 * bits of ares_getsock() the lower half says which sockets are read, the upper half which are
 * written. */
static bool turn(ares_channel channel)
{
	struct timeval limit = { .tv_usec = TURN_MS * 1000 }, wait;
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned wanted = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	nfds_t n = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		if (wanted >> i & 1)
			events |= POLLIN;
		if (wanted >> (i + ARES_GETSOCK_MAXNUM) & 1)
			events |= POLLOUT;
		if (events)
			fds[n++] = (struct pollfd){ .fd = sockets[i], .events = events };
	}
	if (n == 0)
		return false;
	wait = *ares_timeout(channel, &limit, &wait);
	if (poll(fds, n, (int)(wait.tv_usec / 1000 + 1)) <= 0)
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			ares_process_fd(channel,
					fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
					fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_unknown(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS;
}

/* One family is enough. Without any, what IPv4 is told says more. */
static int judge(struct resolve_op *resolve, struct error *err)
{
	struct resolved *resolved = &resolve->resolved;
	int status = is_unknown(resolve->v4.status) ? resolve->v6.status : resolve->v4.status;

	resolved->ttl_ms = (uint64_t)resolve->ttl * 1000;
	if (resolved->n)
		qsort(resolved->addresses, resolved->n, sizeof(resolved->addresses[0]), by_address);
	if (resolved->n)
		return 0;
	if (is_unknown(status))
		return error_set(err, -ENOENT, "no name server knows an address of it");
	if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION || status == ARES_ETIMEOUT)
		return error_set(err, -ETIMEDOUT, "no name server answers");
	return error_set(err, -EIO, "%s", ares_strerror(status));
}

static void ask(ares_channel channel, struct resolve_op *resolve, struct question *question,
		int family)
{
	const struct ares_addrinfo_hints hints = { .ai_family = family,
						   .ai_flags = ARES_AI_NOSORT };

	question->resolve = resolve;
	ares_getaddrinfo(channel, resolve->host, NULL, &hints, on_answer, question);
}

static int run_resolve(struct op *op, struct error *err)
{
	struct resolve_op *resolve = container_of(op, struct resolve_op, op);
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES };
	uint64_t end = now_ms() + ALL_MS;
	ares_channel channel;
	int r = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);

	if (r != ARES_SUCCESS)
		return error_set(err, -EIO, "%s", ares_strerror(r));
	resolve->ttl = INT_MAX;
	ask(channel, resolve, &resolve->v4, AF_INET);
	ask(channel, resolve, &resolve->v6, AF_INET6);
	while (!(resolve->v4.ended && resolve->v6.ended) && !atomic_load(&op->cni->giving_up) &&
	       now_ms() < end)
		if (!turn(channel))
			break;
	ares_destroy(channel); /* ends what is under way */
	return judge(resolve, err);
}

static void on_finish(struct op *op, int status)
{
	struct resolve_op *resolve = container_of(op, struct resolve_op, op);

	if (status == 0)
		*resolve->ret_resolved = resolve->resolved;
	free(resolve->host);
	free(resolve);
}

static const struct step resolve_steps[] = {
	{ .name = "find the host", .blocking = run_resolve, .apart = true },
	{ 0 },
};

void cni_resolve(struct network *network, const char *host, struct resolved *ret_resolved,
		 struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct resolve_op *resolve = xnew(struct resolve_op);

	resolve->host = xstrdup(host);
	resolve->ret_resolved = ret_resolved;
	op_start(&resolve->op, cni, resolve_steps, on_finish, call);
}

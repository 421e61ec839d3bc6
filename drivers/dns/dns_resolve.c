/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host name stands for: the host's files and name servers, asked through c-ares, which tells
 * how long an answer lasts.
 *
 * All questions share one channel. It is used by turns: a worker asks what is new, waits a moment
 * for the first answers and comes back with them, and goes again while answers are outstanding; in
 * between the channel is the loop's, so nothing of it is locked. One that nobody answers keeps no
 * other waiting. The channel goes when nothing is outstanding; while it is always in use another
 * one takes its place from time to time, as the host's settings are read only when it is made.
 */
#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>

#include "core/base/list.h"
#include "drivers/dns/dns_resolve.h"

enum {
	TRY_MS = 1000, /* of one name server; the second try takes twice as long */
	TRIES = 2,
	ALL_MS = 5000,      /* for all tries of a name together */
	TURN_MS = 100,      /* how soon it hears of a new question, or that the daemon ends */
	GATHER_MS = 5,      /* more answers that come with the first one */
	SETTINGS_MS = 5000, /* how long they are believed */
	CHANNEL_MS = 20000, /* then what c-ares still waits for is given up */
};

struct question {
	struct list link; /* struct resolver.coming, then .open */
	struct resolver *resolver;
	char *host;
	bool v6;
	uint64_t end_ms;
	struct call *call; /* NULL: it was told that nobody answers in time */
	struct resolved *ret_resolved;

	/* the worker's during a turn */
	struct resolved resolved;
	bool ended;
	int status; /* of c-ares */
	int ttl;    /* the shortest, seconds */
};

struct resolver {
	struct dns *dns;
	struct list coming; /* the loop's always: struct question.link */
	struct work work;
	uint64_t since_ms;

	/* the worker's during a turn */
	ares_channel channel;    /* NULL: there is none yet */
	struct list fresh, open; /* struct question.link: to be asked; asked */
	unsigned n_outstanding, n_ended;
	struct error err; /* why there is no channel */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- on the worker ---- */

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
	struct resolved *resolved = &question->resolved;

	question->ended = true;
	question->status = status;
	question->resolver->n_outstanding--;
	question->resolver->n_ended++;
	if (status != ARES_SUCCESS)
		return;
	for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next) {
		if (resolved->n == RESOLVED_MAX ||
		    !read_address(node, &resolved->addresses[resolved->n]))
			continue;
		resolved->n++;
		if (node->ai_ttl < question->ttl)
			question->ttl = node->ai_ttl < 0 ? 0 : node->ai_ttl;
	}
	ares_freeaddrinfo(answer);
}

/* Since c-ares 1.34 it is deprecated for ways that older ones do not have, and works as ever. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static unsigned wanted_of(ares_channel channel, ares_socket_t sockets[ARES_GETSOCK_MAXNUM])
{
	return (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
}
#pragma GCC diagnostic pop

/* Hands c-ares what has arrived, or that nothing has. False: it waits for nothing any more. Of the
 * bits of ares_getsock() the lower half says which sockets are read, the upper half which are
 * written. */
static bool turn(ares_channel channel, uint64_t limit_ms)
{
	struct timeval limit = { .tv_usec = (suseconds_t)limit_ms * 1000 }, wait;
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned wanted = wanted_of(channel, sockets);
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

static void ask(struct resolver *resolver, struct question *question)
{
	const struct ares_addrinfo_hints hints = { .ai_family = question->v6 ? AF_INET6 : AF_INET,
						   .ai_flags = ARES_AI_NOSORT };

	list_append(&resolver->open, &question->link);
	resolver->n_outstanding++;
	ares_getaddrinfo(resolver->channel, question->host, NULL, &hints, on_answer, question);
}

static int open_channel(struct resolver *resolver, struct error *err)
{
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES };
	int r = ares_init_options(&resolver->channel, &options,
				  ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);

	if (r == ARES_SUCCESS)
		return 0;
	resolver->channel = NULL;
	return error_set(err, -EIO, "%s", ares_strerror(r));
}

static void run_turn(struct work *work)
{
	struct resolver *resolver = container_of(work, struct resolver, work);
	uint64_t now = now_ms(), end = now + TURN_MS;
	struct list *link;
	bool gathers = false;

	if (!resolver->channel && open_channel(resolver, &resolver->err) < 0)
		return;
	while ((link = list_pop(&resolver->fresh)))
		ask(resolver, list_entry(link, struct question, link));
	while (resolver->n_outstanding && now < end && !atomic_load(&resolver->dns->giving_up)) {
		if (resolver->n_ended && !gathers) {
			gathers = true;
			end = now + GATHER_MS;
		}
		if (!turn(resolver->channel, end - now))
			break;
		now = now_ms();
	}
}

/* ---- on the loop ---- */

/* Without an address, what it was told; an answer without one is that there is none. */
static int judge(const struct question *question, struct error *err)
{
	int status = question->status;

	if (question->resolved.n)
		return 0;
	if (status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS)
		return error_set(err, -ENOENT, "no name server knows an address of it");
	if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION || status == ARES_ETIMEOUT)
		return error_set(err, -ETIMEDOUT, "no name server answers");
	return error_set(err, -EIO, "%s", ares_strerror(status));
}

static void tell(struct question *question, int status, struct error *err)
{
	struct resolved *resolved = &question->resolved;

	if (status < 0)
		error_wrap(err, status, "cannot find the host");
	if (status == 0) {
		resolved->ttl_ms = (uint64_t)question->ttl * 1000;
		qsort(resolved->addresses, resolved->n, sizeof(resolved->addresses[0]), by_address);
		*question->ret_resolved = *resolved;
	}
	call_complete(take_ptr(question->call), status, err);
}

static void question_free(struct question *question)
{
	list_remove(&question->link);
	free(question->host);
	free(question);
}

static void tell_ended(struct resolver *resolver)
{
	struct question *question;
	uint64_t now = now_ms();

	resolver->n_ended = 0;
	list_for_each(question, &resolver->open, link) {
		struct error err = { 0 };

		if (question->ended && question->call)
			tell(question, judge(question, &err), &err);
		else if (question->call && now >= question->end_ms)
			tell(question, error_set(&err, -ETIMEDOUT, "no name server answers"), &err);
		if (question->ended)
			question_free(question);
	}
}

static void fail_all(struct list *questions, const struct error *why)
{
	struct question *question;

	list_for_each(question, questions, link) {
		struct error err = *why;

		if (question->call)
			tell(question, err.code, &err);
		question_free(question);
	}
}

/* What c-ares waits for ends with the channel. */
static void resolver_free(struct resolver *resolver)
{
	struct dns *dns = resolver->dns;
	struct error err;

	if (resolver->channel)
		ares_destroy(resolver->channel);
	tell_ended(resolver);
	error_set(&err, -ECANCELED, "shutting down");
	if (resolver->err.code)
		err = resolver->err;
	fail_all(&resolver->fresh, &err);
	fail_all(&resolver->coming, &err);
	check(list_empty(&resolver->open));
	if (dns->resolver == resolver)
		dns->resolver = NULL;
	free(resolver);
	pending_end(&dns->ops->under_way);
}

static void on_turn_done(struct work *work);

static void start_turn(struct resolver *resolver)
{
	struct list *link;

	while ((link = list_pop(&resolver->coming)))
		list_append(&resolver->fresh, link);
	loop_work_apart(resolver->dns->ops->loop, &resolver->work, run_turn, on_turn_done);
}

static void on_turn_done(struct work *work)
{
	struct resolver *resolver = container_of(work, struct resolver, work);
	uint64_t age_ms = now_ms() - resolver->since_ms;

	tell_ended(resolver);
	if (age_ms > SETTINGS_MS && resolver->dns->resolver == resolver)
		resolver->dns->resolver = NULL;
	if (resolver->dns->ops->closing || resolver->err.code || age_ms > CHANNEL_MS ||
	    (list_empty(&resolver->coming) && list_empty(&resolver->open)))
		resolver_free(resolver);
	else
		start_turn(resolver);
}

static struct resolver *resolver_new(struct dns *dns)
{
	struct resolver *resolver = xnew(struct resolver);

	resolver->dns = dns;
	resolver->since_ms = now_ms();
	list_init(&resolver->coming);
	list_init(&resolver->fresh);
	list_init(&resolver->open);
	pending_begin(&dns->ops->under_way);
	return resolver;
}

void dns_resolve(struct dns *dns, const char *host, bool v6, struct resolved *ret_resolved,
		 struct call *call)
{
	struct question *question = xnew(struct question);
	bool new = !dns->resolver;

	*question = (struct question){ .host = xstrdup(host),
				       .v6 = v6,
				       .end_ms = now_ms() + ALL_MS,
				       .call = call,
				       .ret_resolved = ret_resolved,
				       .ttl = INT_MAX };
	if (new)
		dns->resolver = resolver_new(dns);
	question->resolver = dns->resolver;
	list_append(&dns->resolver->coming, &question->link);
	if (new)
		start_turn(dns->resolver);
}

void dns_init(struct dns *dns, struct ops *ops)
{
	dns->ops = ops;
	dns->resolver = NULL;
	atomic_store(&dns->giving_up, false);
}

void dns_give_up(struct dns *dns)
{
	atomic_store(&dns->giving_up, true);
}

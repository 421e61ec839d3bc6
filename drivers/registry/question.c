/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/registry/question.h"

#include <errno.h>

#include "core/base/backoff.h"

enum {
	ROUNDS_MAX = 5,
	WAIT_MAX_MS = 60 * 1000, /* for a host that holds back; longer waits are the caller's */
};

/* Between two rounds, whatever the hosts say. */
static const struct backoff round_pause = { .first_ms = 500, .last_ms = 8000 };

static void ask_next(struct question *question);

static struct loop *loop_of(const struct question *question)
{
	return question->session->registries->loop;
}

/* ---- the end ---- */

static void end(struct question *question, int status, const struct error *err)
{
	struct registries *registries = question->session->registries;

	list_remove(&question->link);
	list_remove(&question->waiter.link);
	timer_stop(&question->pause);
	buf_fini(&question->told);
	buf_fini(&question->session->waits);
	question->session->waits = (struct buf){ 0 };
	question->session->n_questions--;
	question->finish(question, status, err);
	pending_end(&registries->under_way);
}

static void end_cancelled(struct question *question)
{
	struct error err;

	end(question, error_set(&err, -ECANCELED, "cancelled"), &err);
}

static void on_ending(struct deferred *deferred)
{
	end_cancelled(container_of(deferred, struct question, ending));
}

static void fail(struct question *question)
{
	struct error err;

	end(question,
	    error_set(&err, question->status, "%s",
		      question->told.len ? question->told.data : "no host is there to ask"),
	    &err);
}

/* ---- rounds ---- */

static void on_pause_over(struct timer *timer)
{
	struct question *question = container_of(timer, struct question, pause);

	buf_fini(&question->session->waits);
	question->session->waits = (struct buf){ 0 };
	question->at = 0;
	question->may_pass = false;
	buf_fini(&question->told);
	question->told = (struct buf){ 0 };
	ask_next(question);
}

static bool can_be_asked(const struct question *question, const struct endpoint *endpoint)
{
	return (endpoint->host.can & question->needs) == question->needs;
}

/* How long all hosts that can be asked hold back; 0: one does not. */
static uint64_t held_ms(const struct question *question, const struct site **ret_site,
			const char **ret_authority)
{
	struct registries *registries = question->session->registries;
	uint64_t least_ms = UINT64_MAX, now_ms = loop_now_ms(registries->loop);

	for (size_t i = 0; i < question->session->endpoints.n; i++) {
		const struct endpoint *endpoint = &question->session->endpoints.items[i];
		const struct site *site = site_held(registries, endpoint->authority);

		if (!can_be_asked(question, endpoint))
			continue;
		if (!site)
			return 0;
		if (site->until_ms - now_ms < least_ms) {
			least_ms = site->until_ms - now_ms;
			*ret_site = site;
			*ret_authority = endpoint->authority;
		}
	}
	return least_ms == UINT64_MAX ? 0 : least_ms;
}

static void say_waits(struct question *question, uint64_t wait_ms, const struct site *site,
		      const char *authority)
{
	struct buf *waits = &question->session->waits;

	waits->len = 0;
	buf_printf(waits, "waits %llu s: ", (unsigned long long)(wait_ms + 999) / 1000);
	if (site && site->too_many)
		buf_printf(waits, "%s was asked too often", authority);
	else if (question->told.len)
		buf_add(waits, question->told.data, question->told.len);
	else
		buf_printf(waits, "%s fails", authority ? authority : "the registry");
}

static void fail_held(struct question *question, uint64_t wait_ms, const struct site *site,
		      const char *authority)
{
	question->failure.retry_after_ms = wait_ms;
	if (!question->told.len) {
		question->failure.fault =
			site->too_many ? IMAGE_FAULT_TOO_MANY : IMAGE_FAULT_UNREACHABLE;
		question->status = site->too_many ? -EBUSY : -ECONNREFUSED;
		buf_printf(&question->told, "%s %s; it is asked again in %llu s", authority,
			   site->too_many ? "was asked too often" : "fails",
			   (unsigned long long)(wait_ms + 999) / 1000);
	}
	fail(question);
}

static void end_round(struct question *question)
{
	const struct site *site = NULL;
	const char *authority = NULL;
	uint64_t wait_ms = held_ms(question, &site, &authority), pause_ms;

	if (!question->may_pass || question->cancelled) {
		fail(question);
		return;
	}
	if (wait_ms > WAIT_MAX_MS || ++question->rounds >= ROUNDS_MAX) {
		question->failure.retry_after_ms = wait_ms;
		if (site)
			fail_held(question, wait_ms, site, authority);
		else
			fail(question);
		return;
	}
	pause_ms = backoff_ms(&round_pause, question->rounds - 1);
	if (pause_ms < wait_ms)
		pause_ms = wait_ms;
	say_waits(question, pause_ms, site, authority);
	timer_start(loop_of(question), &question->pause, pause_ms, on_pause_over);
}

/* ---- one host ---- */

static bool may_pass(int status)
{
	return error_is_transient(status) || status == -EPROTO;
}

static void tell(struct question *question, int status, const struct error *err)
{
	question->status = status;
	question->failure.fault = question->exchange.fault;
	question->may_pass |= may_pass(status);
	buf_printf(&question->told, "%s%s", question->told.len ? "; " : "", err->msg);
}

/* What the host did, for all who ask it. */
static void note_failure(struct question *question, int status)
{
	const struct exchange *exchange = &question->exchange;
	struct registries *registries = question->session->registries;
	bool too_many = exchange->fault == IMAGE_FAULT_TOO_MANY;

	if (too_many || (exchange->fault == IMAGE_FAULT_UNREACHABLE && may_pass(status)))
		site_fails(registries, exchange->endpoint->authority, too_many,
			   exchange->retry_after_ms);
	else
		site_answers(registries, exchange->endpoint->authority);
}

static void ask(struct question *question, struct endpoint *endpoint);

static void on_exchange_end(struct exchange *exchange, int status, const struct error *err)
{
	struct question *question = container_of(exchange, struct question, exchange);
	struct error why;

	question->asks = false;
	if (question->cancelled) {
		end_cancelled(question);
		return;
	}
	if (question->otherwise && question->otherwise(question, status)) {
		ask(question, exchange->endpoint);
		return;
	}
	if (status == 0) {
		site_answers(question->session->registries, exchange->endpoint->authority);
		session_set_host(question->session, exchange->endpoint->authority);
		status = question->judge(question, &why);
		exchange->fault = status == -EPIPE ? IMAGE_FAULT_UNREACHABLE : IMAGE_FAULT_INVALID;
		err = &why;
	}
	if (status == 0) {
		end(question, 0, NULL);
		return;
	}
	note_failure(question, status);
	tell(question, status, err);
	question->at++;
	ask_next(question);
}

static void ask(struct question *question, struct endpoint *endpoint)
{
	question->asks = true;
	question->exchange = (struct exchange){
		.session = question->session,
		.endpoint = endpoint,
		.method = "GET",
		.what = question->session->image,
		.on_end = on_exchange_end,
	};
	question->ask(question, &question->exchange);
	exchange_start(&question->exchange);
}

static void ask_next(struct question *question)
{
	struct endpoints *endpoints = &question->session->endpoints;

	for (; question->at < endpoints->n; question->at++) {
		struct endpoint *endpoint = &endpoints->items[question->at];

		if (!can_be_asked(question, endpoint))
			continue;
		if (!site_held(question->session->registries, endpoint->authority)) {
			ask(question, endpoint);
			return;
		}
		question->may_pass = true;
	}
	end_round(question);
}

/* ---- the beginning ---- */

static void on_ready(struct endpoints_waiter *waiter, int status, enum image_fault fault,
		     const struct error *err)
{
	struct question *question = container_of(waiter, struct question, waiter);

	if (question->cancelled)
		return; /* its end is on its way */
	if (status < 0) {
		question->failure.fault = fault;
		end(question, status, err);
		return;
	}
	question->status = -ENOENT;
	question->failure.fault = IMAGE_FAULT_OTHER;
	ask_next(question);
}

/* Not from inside of who asks. */
static void on_beginning(struct deferred *deferred)
{
	struct question *question = container_of(deferred, struct question, ending);

	question->waiter.on_ready = on_ready;
	session_await_endpoints(question->session, &question->waiter);
}

void question_start(struct question *question)
{
	struct registries *registries = question->session->registries;

	question->session->n_questions++;
	list_append(&registries->questions, &question->link);
	pending_begin(&registries->under_way);
	if (registries->closing)
		question_cancel(question);
	else
		loop_defer(registries->loop, &question->ending, on_beginning);
}

void question_cancel(struct question *question)
{
	if (question->cancelled)
		return;
	question->cancelled = true;
	if (question->asks) {
		exchange_cancel(&question->exchange);
		return;
	}
	list_remove(&question->waiter.link);
	timer_stop(&question->pause);
	deferred_cancel(&question->ending);
	loop_defer(loop_of(question), &question->ending, on_ending);
}

void question_goes_on(struct question *question)
{
	question->rounds = 0;
}

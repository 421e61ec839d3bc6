/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn of the loop lies between one request and the next, so that nothing is started from inside
 * of libcurl's callbacks: what came is noted there, and judged then.
 */
#include "drivers/registry/registry_exchange.h"

#include <errno.h>
#include <strings.h>

#include "drivers/registry/registry_words.h"

enum {
	REDIRECTS_MAX = 10,
	BODY_MAX_BYTES = 64 * 1024, /* of an error: what is behind says nothing */
	SLOWEST = 1,                /* byte a millisecond: less, over the time of a stall, is one */
};

static void send_request(struct exchange *exchange);
static void on_turn(struct deferred *deferred);

static struct loop *loop_of(const struct exchange *exchange)
{
	return exchange->session->registries->loop;
}

static void turn(struct exchange *exchange)
{
	loop_defer(loop_of(exchange), &exchange->turn, on_turn);
}

/* ---- the end ---- */

static void end(struct exchange *exchange, int status, const struct error *err)
{
	timer_stop(&exchange->pace);
	free(exchange->url);
	free(exchange->location);
	exchange->url = exchange->location = NULL;
	strv_fini(&exchange->challenges);
	exchange->challenges = (struct strv){ 0 };
	buf_fini(&exchange->body);
	exchange->body = (struct buf){ 0 };
	exchange->on_end(exchange, status, err);
}

static void end_cancelled(struct exchange *exchange)
{
	struct error err;

	end(exchange, error_set(&err, -ECANCELED, "cancelled"), &err);
}

static void fail(struct exchange *exchange, int status, const struct error *err)
{
	const struct error why = *err;

	exchange->fault = words_fault_of(status);
	end(exchange, status, &why);
}

/* By what the host answered. */
static void fail_by_answer(struct exchange *exchange)
{
	AUTO_BUF struct buf said = { 0 };
	struct words_of words = {
		.endpoint = exchange->endpoint,
		.realm = exchange->session->realm,
		.what = exchange->what,
		.answer = exchange->answer,
		.code = exchange->code,
	};
	struct error err;
	int status;

	words_add_answer(exchange->body.data, exchange->body.len, &exchange->endpoint->secret,
			 login_token(exchange->endpoint->login), &said);
	words.said = said.data;
	status = words_of_answer(&words, &exchange->fault, &err);
	end(exchange, status, &err);
}

/* ---- the pace ---- */

static void on_pace(struct timer *timer)
{
	struct exchange *exchange = container_of(timer, struct exchange, pace);
	uint32_t window_ms = exchange->session->registries->stall_limit_ms;

	if (exchange->rested || exchange->window_bytes >= (size_t)window_ms * SLOWEST) {
		exchange->rested = false;
		exchange->window_bytes = 0;
		timer_start(loop_of(exchange), timer, window_ms, on_pace);
		return;
	}
	exchange->slow = true;
	http_cancel(&exchange->http);
}

static void start_pace(struct exchange *exchange, uint64_t window_ms)
{
	exchange->rested = false;
	exchange->window_bytes = 0;
	timer_start(loop_of(exchange), &exchange->pace, window_ms, on_pace);
}

/* Dialling has a limit of its own, and an answer may take as long as a stall. */
static uint64_t answer_limit_ms(const struct exchange *exchange)
{
	uint32_t dial_ms = exchange->endpoint->host.dial_timeout_ms;

	return 2 * (uint64_t)exchange->session->registries->stall_limit_ms +
	       (dial_ms ? dial_ms : HTTP_DIAL_LIMIT_MS);
}

/* ---- an answer ---- */

static bool is_redirect(long code)
{
	return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

static void on_answer(struct http_request *http)
{
	struct exchange *exchange = container_of(http, struct exchange, http);
	int64_t wait_ms = -1;

	exchange->code = http->answer.status;
	exchange->answer = answer_of_status(exchange->code);
	exchange->well = exchange->answer == ANSWER_WELL || exchange->code == 416;
	free(exchange->location);
	exchange->location =
		is_redirect(exchange->code) ? xstrdup_maybe(http->answer.location) : NULL;
	for (size_t i = 0; i < http->answer.challenges.n; i++)
		strv_add(&exchange->challenges, http->answer.challenges.items[i]);
	if (http->answer.retry_after)
		wait_ms = answer_retry_after_ms(http->answer.retry_after,
						loop_wall_ms(loop_of(exchange)));
	exchange->retry_after_ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;
	start_pace(exchange, exchange->session->registries->stall_limit_ms);
	if (!exchange->well)
		return;
	if (!exchange->away)
		site_answers(exchange->session->registries, exchange->endpoint->authority);
	exchange->status = exchange->on_well(exchange, &exchange->err);
	if (exchange->status < 0)
		http_cancel(http);
}

static bool on_data(struct http_request *http, const char *data, size_t len)
{
	struct exchange *exchange = container_of(http, struct exchange, http);
	size_t room = BODY_MAX_BYTES - exchange->body.len;

	exchange->window_bytes += len;
	if (!exchange->well) {
		buf_add(&exchange->body, data, len < room ? len : room);
		return true;
	}
	if (exchange->status < 0 || exchange->on_data(exchange, data, len))
		return true;
	exchange->rested = true;
	return false;
}

static void on_end(struct http_request *http, int status, const struct error *err)
{
	struct exchange *exchange = container_of(http, struct exchange, http);

	timer_stop(&exchange->pace);
	if (exchange->slow && !exchange->cancelled) {
		exchange->status = error_set(&exchange->err, -ETIMEDOUT,
					     "%s: fewer bytes come than %d a second",
					     exchange->endpoint->authority, SLOWEST * 1000);
	} else if (exchange->status == 0 && status < 0) {
		exchange->status = status;
		exchange->err = *err;
	}
	turn(exchange);
}

/* ---- logging in ---- */

static void on_token(struct login_waiter *waiter, int status, enum answer said,
		     uint64_t retry_after_ms, const struct error *err)
{
	struct exchange *exchange = container_of(waiter, struct exchange, waiter);
	struct error why;

	if (status == 0) {
		exchange->fresh = true;
		send_request(exchange);
		return;
	}
	why = *err;
	error_wrap(&why, status, "%s", exchange->endpoint->authority);
	exchange->answer = said;
	exchange->retry_after_ms = retry_after_ms;
	if (said == ANSWER_LATER) {
		exchange->fault = IMAGE_FAULT_TOO_MANY;
		status = -EBUSY;
	} else if (said == ANSWER_BROKEN) {
		exchange->fault = IMAGE_FAULT_UNREACHABLE;
		status = -EPIPE;
	} else {
		exchange->fault =
			status == -EACCES ? IMAGE_FAULT_UNAUTHORIZED : words_fault_of(status);
	}
	why.code = status;
	end(exchange, status, &why);
}

static void await_token(struct exchange *exchange)
{
	exchange->waiter.session = exchange->session;
	exchange->waiter.endpoint = exchange->endpoint;
	exchange->waiter.on_token = on_token;
	login_await(exchange->endpoint->login, &exchange->waiter);
}

/* Whether a token that was shown and refused is worth another one. */
static bool token_may_be_renewed(struct exchange *exchange, const char *error)
{
	bool *once =
		str_equal(error, "insufficient_scope") ? &exchange->widened : &exchange->renewed;

	if (!exchange->showed_token || !exchange->fresh)
		return true;
	if (*once || (!str_equal(error, "invalid_token") && once == &exchange->renewed))
		return false;
	*once = true;
	return true;
}

static bool may_log_in(struct exchange *exchange, const struct challenge *challenge)
{
	const struct secret *secret = &exchange->endpoint->secret;

	if (exchange->away || (secret->text && secret->kind == LOGIN_REGISTRY_TOKEN))
		return false;
	if (challenge->scheme == CHALLENGE_BASIC)
		return secret->text && secret->kind == LOGIN_PASSWORD && !exchange->showed_basic;
	return challenge->scheme == CHALLENGE_BEARER &&
	       token_may_be_renewed(exchange, challenge->error);
}

static void log_in(struct exchange *exchange)
{
	AUTO(challenge_fini) struct challenge challenge = { 0 };
	bool bearer;

	for (size_t i = 0; i < exchange->challenges.n; i++)
		challenge_read(exchange->challenges.items[i], &challenge);
	if (!may_log_in(exchange, &challenge)) {
		fail_by_answer(exchange);
		return;
	}
	bearer = challenge.scheme == CHALLENGE_BEARER;
	login_challenged(exchange->endpoint->login, &challenge);
	if (bearer)
		await_token(exchange);
	else
		send_request(exchange);
}

/* ---- following ---- */

static bool is_plain(const char *url)
{
	return strncasecmp(url, "http://", strlen("http://")) == 0;
}

static int check_redirect(const struct exchange *exchange, struct error *err)
{
	const char *host = exchange->endpoint->authority;

	if (exchange->redirects >= REDIRECTS_MAX)
		return error_set(err, -EBADMSG, "%s: more than %d redirects", host, REDIRECTS_MAX);
	if (!exchange->location ||
	    (!is_plain(exchange->location) && strncasecmp(exchange->location, "https://", 8) != 0))
		return error_set(err, -EBADMSG, "%s: a redirect leads nowhere", host);
	if (is_plain(exchange->location) && !is_plain(exchange->url))
		return error_set(err, -EBADMSG, "%s: a redirect leads from https to http", host);
	return 0;
}

static void follow(struct exchange *exchange)
{
	struct error err;
	int r = check_redirect(exchange, &err);

	if (r < 0) {
		fail(exchange, r, &err);
		return;
	}
	exchange->redirects++;
	if (!url_is_same_place(exchange->url, exchange->location))
		exchange->away = true;
	free(exchange->url);
	exchange->url = take_ptr(exchange->location);
	send_request(exchange);
}

/* ---- a request ---- */

static void forget_all(struct strv *strv)
{
	for (size_t i = 0; i < strv->n; i++)
		explicit_bzero(strv->items[i], strlen(strv->items[i]));
	strv_fini(strv);
}

static void send_request(struct exchange *exchange)
{
	AUTO(forget_all) struct strv headers = { 0 };
	const struct endpoint *endpoint = exchange->endpoint;

	exchange_add_headers(exchange, &headers);
	strv_fini(&exchange->challenges);
	exchange->challenges = (struct strv){ 0 };
	exchange->body.len = 0;
	exchange->code = 0;
	exchange->answer = ANSWER_WELL;
	exchange->well = false;
	exchange->http = (struct http_request){
		.method = exchange->method,
		.url = exchange->url,
		.headers = (const char *const *)headers.items,
		.tls = { .ca = endpoint->ca,
			 .cert = exchange->away ? NULL : endpoint->cert,
			 .key = exchange->away ? NULL : endpoint->key,
			 .skip_verify = endpoint->host.skip_verify },
		.dial_limit_ms = endpoint->host.dial_timeout_ms,
		.stall_limit_ms = exchange->session->registries->stall_limit_ms,
		.on_answer = on_answer,
		.on_data = on_data,
		.on_end = on_end,
	};
	start_pace(exchange, answer_limit_ms(exchange));
	http_start(exchange->session->registries->http, &exchange->http);
}

static void on_turn(struct deferred *deferred)
{
	struct exchange *exchange = container_of(deferred, struct exchange, turn);

	if (exchange->cancelled)
		end_cancelled(exchange);
	else if (exchange->status < 0)
		fail(exchange, exchange->status, &exchange->err);
	else if (exchange->well)
		end(exchange, 0, NULL);
	else if (is_redirect(exchange->code))
		follow(exchange);
	else if (exchange->answer == ANSWER_LOG_IN)
		log_in(exchange);
	else
		fail_by_answer(exchange);
}

void exchange_start(struct exchange *exchange)
{
	const struct registry_host *host = &exchange->endpoint->host;
	const struct registry_login *login = exchange->endpoint->login;

	exchange->url =
		xasprintf("%s%s%s%s", host->url, exchange->path, host->mirror ? "?ns=" : "",
			  host->mirror ? exchange->session->inputs->reference.registry : "");
	if (login_scheme(login) == CHALLENGE_BEARER && !login_token(login))
		await_token(exchange);
	else
		send_request(exchange);
}

void exchange_refuse(struct exchange *exchange, int status, const struct error *err)
{
	exchange->status = status;
	exchange->err = *err;
	http_cancel(&exchange->http);
}

void exchange_resume(struct exchange *exchange)
{
	http_resume(&exchange->http);
}

void exchange_cancel(struct exchange *exchange)
{
	if (exchange->cancelled)
		return;
	exchange->cancelled = true;
	if (exchange->http.state) {
		http_cancel(&exchange->http);
		return;
	}
	login_leave(&exchange->waiter);
	turn(exchange);
}

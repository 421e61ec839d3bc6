/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question is in one of three places: it waits in its family's queue, it is under way, or it is
 * due at some time. Which are due is looked at for all at once, at most once a second, so a round
 * of N names costs N, and not each answer.
 */
#include "core/network/egress_ask.h"

#include <errno.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/network/network_egress.h"
#include "core/state/engine.h"

enum {
	TTL_MIN_MS = 5 * 1000,           /* an answer is believed at least so long */
	TTL_MAX_MS = 60 * 60 * 1000,     /* and at most so long */
	RETRY_FIRST_MS = 1000,           /* after an answer that failed; doubles */
	RETRY_LAST_MS = 60 * 1000,       /* the longest such pause */
	RETRY_SPARE_MS = 10 * 60 * 1000, /* the same while the other family is answered */
	LOOK_MS = 1000, /* questions that come due within this are asked together */
};

struct egress_ask {
	struct call call;
	struct engine *engine;
	struct egress_question *question; /* NULL: nobody names it any more */
	bool v6;
	struct resolved answer;
};

static struct egress_queue *queue_of(struct engine *engine, bool v6)
{
	return v6 ? &engine->egress->v6 : &engine->egress->v4;
}

static struct egress_question *other_of(struct egress_question *question)
{
	return question->v6 ? &question->host->v4 : &question->host->v6;
}

static bool is_answered(const struct egress_question *question)
{
	return question->asked && question->status == 0;
}

/* ---- when it is asked again ---- */

static uint64_t ttl_of(const struct resolved *answer)
{
	return answer->ttl_ms < TTL_MIN_MS   ? TTL_MIN_MS
	       : answer->ttl_ms > TTL_MAX_MS ? TTL_MAX_MS
					     : answer->ttl_ms;
}

/* ---- what was answered ---- */

/* One that has addresses of the other family alone is asked for both together. */
static bool take_answer(struct egress_question *question, const struct resolved *answer,
			uint64_t now_ms)
{
	struct egress_addresses *addresses = &question->host->addresses;
	struct egress_question *other = other_of(question);
	bool changed = egress_addresses_take(addresses, question->v6, answer->addresses, answer->n,
					     now_ms);

	question->failures = 0;
	question->due_ms = now_ms + ttl_of(answer);
	if (!other->asked || other->status != -ENOENT)
		return changed;
	other->due_ms = question->due_ms;
	return egress_addresses_take(addresses, other->v6, NULL, 0, now_ms) || changed;
}

/* That there is none is an answer only as long as there is one of the other family: of a host that
 * no name server knows any more the last addresses stay. */
static bool take_failure(struct egress_question *question, uint64_t now_ms)
{
	struct egress_question *other = other_of(question);
	bool spare = is_answered(other);
	const struct backoff backoff = { RETRY_FIRST_MS, spare ? RETRY_SPARE_MS : RETRY_LAST_MS };

	question->due_ms = now_ms + backoff_ms(&backoff, question->failures);
	question->failures++;
	if (!spare || question->status != -ENOENT)
		return false;
	if (other->due_ms > now_ms)
		question->due_ms = other->due_ms;
	return egress_addresses_take(&question->host->addresses, question->v6, NULL, 0, now_ms);
}

static bool say_change(const struct egress_host *host, const char *before)
{
	const char *problem = egress_host_problem(host);

	if (str_equal(problem, before))
		return false;
	if (problem)
		log_warning("egress: %s: %s", host->name, problem);
	else
		log_info("egress: %s is found again", host->name);
	return true;
}

static void take(struct egress_ask *ask)
{
	struct egress_question *question = ask->question;
	AUTO_FREE char *before = xstrdup_maybe(egress_host_problem(question->host));
	uint64_t now_ms = loop_now_ms(ask->engine->loop);
	bool first = !question->asked, changed, news;

	question->ask = NULL;
	question->asked = true;
	question->status = ask->call.status;
	str_replace(&question->problem, question->status < 0 ? ask->call.err.msg : NULL);
	changed = question->status < 0 ? take_failure(question, now_ms)
				       : take_answer(question, &ask->answer, now_ms);
	question->host->changed |= changed;
	news = say_change(question->host, before);
	if (news || changed || (first && !question->host->addresses.n))
		egress_news(ask->engine);
}

/* ---- asking ---- */

static void start_waiting(struct engine *engine, bool v6);
static void look_later(struct engine *engine, uint64_t due_ms);

static void on_resolved(struct call *call)
{
	struct egress_ask *ask = container_of(call, struct egress_ask, call);
	struct egress_question *question = ask->question;
	struct engine *engine = ask->engine;
	bool v6 = ask->v6;

	queue_of(engine, v6)->under_way--;
	if (!engine->closing && question)
		take(ask);
	else if (question)
		question->ask = NULL;
	free(ask);
	if (question && !engine->closing)
		look_later(engine, question->due_ms);
	start_waiting(engine, v6);
	pending_end(&engine->under_way);
}

static void start(struct engine *engine, struct egress_question *question)
{
	struct egress_ask *ask = xnew(struct egress_ask);

	*ask = (struct egress_ask){ .engine = engine, .question = question, .v6 = question->v6 };
	question->ask = ask;
	queue_of(engine, question->v6)->under_way++;
	pending_begin(&engine->under_way);
	call_init(&ask->call, engine->loop, on_resolved);
	engine->network->ops->resolve(engine->network, question->host->name, question->v6,
				      &ask->answer, &ask->call);
}

static void start_waiting(struct engine *engine, bool v6)
{
	struct egress_queue *queue = queue_of(engine, v6);
	struct list *link;

	while (!engine->closing && queue->under_way < EGRESS_UNDER_WAY_MAX &&
	       (link = list_pop(&queue->waiting)))
		start(engine, list_entry(link, struct egress_question, link));
}

/* ---- which answers have aged ---- */

/* Returns the earlier of @next_ms and when it is due, if it is not yet. */
static uint64_t queue_if_due(struct engine *engine, struct egress_question *question,
			     uint64_t next_ms)
{
	if (question->ask || list_linked(&question->link))
		return next_ms;
	if (question->due_ms > engine->egress->looked_ms)
		return question->due_ms < next_ms ? question->due_ms : next_ms;
	list_append(&queue_of(engine, question->v6)->waiting, &question->link);
	return next_ms;
}

static void on_later(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct egress, later)->engine;
	uint64_t next_ms = UINT64_MAX;
	struct egress_host *host;

	engine->egress->looked_ms = loop_now_ms(engine->loop);
	map_for_each(host, &engine->egress->hosts, node) {
		next_ms = queue_if_due(engine, &host->v4, next_ms);
		next_ms = queue_if_due(engine, &host->v6, next_ms);
	}
	if (next_ms < UINT64_MAX)
		look_later(engine, next_ms);
	start_waiting(engine, false);
	start_waiting(engine, true);
}

static void look_later(struct engine *engine, uint64_t due_ms)
{
	struct egress *egress = engine->egress;
	uint64_t at_ms = egress->looked_ms + LOOK_MS;

	if (at_ms < due_ms)
		at_ms = due_ms;
	if (!timer_active(&egress->later) || at_ms < egress->later.due_ms)
		timer_start_at(engine->loop, &egress->later, at_ms, on_later);
}

/* ---- which names ---- */

static void begin(struct egress_queue *queue, struct egress_host *host,
		  struct egress_question *question, bool v6)
{
	*question = (struct egress_question){ .host = host, .v6 = v6 };
	list_insert_before(queue->waiting.next, &question->link);
}

void egress_ask_first(struct engine *engine, struct egress_host *host)
{
	begin(&engine->egress->v4, host, &host->v4, false);
	begin(&engine->egress->v6, host, &host->v6, true);
	start_waiting(engine, false);
	start_waiting(engine, true);
}

static void forget(struct egress_question *question)
{
	list_remove(&question->link);
	if (question->ask)
		question->ask->question = NULL;
	free(question->problem);
}

void egress_ask_forget(struct egress_host *host)
{
	forget(&host->v4);
	forget(&host->v6);
}

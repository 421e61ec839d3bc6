/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist_private.h"

#include "core/base/log.h"
#include "core/state/unplaced.h"

/* A new relist makes up for those of its kind that wait to be repeated. */
static void drop_waiting(struct engine *engine, const struct relist_problem *problem)
{
	struct relist *relist;

	list_for_each(relist, &engine->relists, link)
		if (relist->problem == problem && timer_active(&relist->again))
			relist_free(relist);
}

struct relist *relist_new(struct engine *engine, void (*restart)(struct relist *),
			  struct relist_problem *problem)
{
	struct relist *relist = xnew(struct relist);

	pending_begin(&engine->under_way);
	drop_waiting(engine, problem);
	relist->engine = engine;
	relist->problem = problem;
	relist->seq = ++engine->seq;
	relist->restart = restart;
	list_append(&engine->relists, &relist->link);
	return relist;
}

void relist_free(struct relist *relist)
{
	struct engine *engine = relist->engine;

	list_remove(&relist->link);
	timer_stop(&relist->again);
	strv_fini(&relist->namespaces);
	strv_fini(&relist->realms);
	container_facts_fini(&relist->containers);
	network_facts_fini(&relist->network);
	cgroup_facts_fini(&relist->cgroups);
	if (list_empty(&engine->relists))
		unplaced_forget(engine);
	free(relist);
	progress_made(&engine->progress);
	pending_end(&engine->under_way);
}

void relist_stop_waiting(struct engine *engine)
{
	struct relist *relist;

	timer_stop(&engine->network_again.timer);
	list_for_each(relist, &engine->relists, link)
		if (timer_active(&relist->again))
			relist_free(relist);
}

static void on_again(struct timer *timer)
{
	struct relist *relist = container_of(timer, struct relist, again);
	struct engine *engine = relist->engine;
	void (*restart)(struct relist *) = relist->restart;
	struct relist_problem *problem = relist->problem;

	relist_free(relist);
	relist = relist_new(engine, restart, problem);
	restart(relist);
}

/* Said once per cause; the objects say it too. */
static void note_problem(struct relist *relist, const char *what, const struct error *err)
{
	struct relist_problem *problem = relist->problem;
	struct error now;

	error_set(&now, err->code, "cannot list %s: %s", what, err->msg);
	if (!str_equal(now.msg, problem->err.msg)) {
		log_warning("%s", now.msg);
		engine_enqueue_all(relist->engine);
	}
	problem->err = now;
}

/* A relist that failed, or did not see all, is repeated, except for the runtime's while it is down:
 * on_up begins a new one. */
static void relist_again(struct relist *relist)
{
	uint64_t pause_ms = backoff_ms(&relist_again_pauses, relist->problem->times++);

	progress_made(&relist->engine->progress);
	if (relist->engine->closing)
		relist_free(relist);
	else
		timer_start(relist->engine->loop, &relist->again, pause_ms, on_again);
}

void relist_failed(struct relist *relist, const char *what)
{
	note_problem(relist, what, &relist->call.err);
	relist_again(relist);
}

static void relist_is_whole(struct relist *relist)
{
	if (relist->problem->err.code)
		log_info("it can be listed again: %s", relist->problem->err.msg);
	*relist->problem = (struct relist_problem){ 0 };
	relist_free(relist);
}

void relist_done(struct relist *relist, bool *relisted, const char *what,
		 const struct error *problem)
{
	struct engine *engine = relist->engine;

	*relisted = true;
	engine_enqueue_all(engine);
	if (!problem->code)
		return relist_is_whole(relist);
	note_problem(relist, what, problem);
	relist_again(relist);
}

bool relist_is_overtaken(const struct relist *relist, const struct slot *slot)
{
	return slot->relisted_seq > relist->seq;
}

bool relist_may_speak(const struct relist *relist, const struct slot *slot)
{
	return !slot->busy && slot->changed_seq <= relist->seq &&
	       !relist_is_overtaken(relist, slot);
}

bool relist_speaks(const struct relist *relist, struct slot *slot)
{
	bool believed = relist_may_speak(relist, slot);

	if (believed)
		slot->relisted_seq = relist->seq;
	return believed;
}

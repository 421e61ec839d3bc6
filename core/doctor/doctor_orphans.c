/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor_private.h"

#include "core/driver/cgroup.h"
#include "core/reconcile/relist.h"
#include "core/status/plan_context.h"

enum {
	SETTLE_LOOK_MS = 250,      /* between two looks at what the engine takes down */
	SETTLE_MAX_MS = 45 * 1000, /* a container's grace, and some time to kill it */
};

static enum standing judge(struct doctor *doctor, const struct host_thing *thing)
{
	AUTO_FREE char *owner = NULL;
	AUTO_FREE char *message = NULL;

	return doctor_judge(doctor->engine, thing, &owner, &message);
}

/* Which of the orphans the latest look has, as nobody's. */
static void find_orphans(struct doctor *doctor)
{
	struct orphan *orphan;

	map_for_each(orphan, &doctor->orphans, node)
		orphan->thing = NULL;
	for (size_t i = 0; i < doctor->things.n; i++) {
		struct host_thing *thing = &doctor->things.items[i];
		AUTO_FREE char *key = doctor_orphan_key(thing);

		orphan = map_entry(map_find(&doctor->orphans, key), struct orphan, node);
		if (orphan && judge(doctor, thing) == STANDING_ORPHAN)
			orphan->thing = thing;
	}
}

static void on_last_look(struct doctor *doctor)
{
	find_orphans(doctor);
	doctor_report(doctor);
}

static void discard_next(struct doctor *doctor);

static void on_discarded(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (call->status < 0)
		doctor->trying->failure = xstrdup(call->err.msg);
	if (!doctor_ended(doctor))
		discard_next(doctor);
}

static void discard(struct doctor *doctor, const struct host_thing *thing)
{
	struct engine *engine = doctor->engine;
	struct call *call = &doctor->sub;

	call_init(call, engine->loop, on_discarded);
	if (thing->kind <= HOST_LEASE || thing->kind >= HOST_INGEST)
		engine->runtime->ops->discard(engine->runtime, thing, call);
	else if (thing->kind == HOST_CGROUP)
		engine->cgroup->ops->discard(engine->cgroup, thing, call);
	else
		engine->network->ops->discard(engine->network, thing, call);
}

/* What has found an owner since the look is left alone. */
static void discard_next(struct doctor *doctor)
{
	struct orphan *orphan;

	map_for_each(orphan, &doctor->orphans, node) {
		if (!orphan->thing || orphan->tried)
			continue;
		orphan->tried = true;
		if (judge(doctor, orphan->thing) != STANDING_ORPHAN)
			continue;
		doctor->trying = orphan;
		return discard(doctor, orphan->thing);
	}
	doctor_look(doctor, on_last_look);
}

static void on_settle(struct timer *timer);

static bool something_goes(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->things.n; i++) {
		AUTO_FREE char *key = doctor_orphan_key(&doctor->things.items[i]);

		if (map_find(&doctor->orphans, key) &&
		    judge(doctor, &doctor->things.items[i]) == STANDING_GOING)
			return true;
	}
	return false;
}

static void on_settle_look(struct doctor *doctor)
{
	struct loop *loop = doctor->engine->loop;

	find_orphans(doctor);
	if (something_goes(doctor) && loop_now_ms(loop) < doctor->settle_until_ms)
		timer_start(loop, &doctor->timer, SETTLE_LOOK_MS, on_settle);
	else if (doctor->gap.code)
		doctor_report(doctor);
	else
		discard_next(doctor);
}

static bool is_settled(const struct engine *engine)
{
	return list_empty(&engine->relists) && list_empty(&engine->runs) &&
	       !timer_active(&engine->network_again.timer);
}

static void look_what_goes(struct doctor *doctor)
{
	doctor_look(doctor, on_settle_look);
}

static void settle(struct doctor *doctor)
{
	doctor_await(doctor, is_settled, doctor->settle_until_ms, look_what_goes);
}

static void on_settle(struct timer *timer)
{
	settle(container_of(timer, struct doctor, timer));
}

static void refuse(struct doctor *doctor, const char *why)
{
	struct orphan *orphan;

	map_for_each(orphan, &doctor->orphans, node)
		orphan->failure = xasprintf("%s; not taken away: %s", orphan->why, why);
	doctor_report(doctor);
}

static void take_away(struct doctor *doctor)
{
	struct engine *engine = doctor->engine;
	struct plan_context context = plan_context_of(engine);

	if (doctor->gap.code)
		return refuse(doctor, doctor->gap.msg);
	if (!context.relisted)
		return refuse(doctor, "not everything has been looked at yet");
	if (context.relist_problem)
		return refuse(doctor, context.relist_problem);
	if (!context.may_delete)
		return refuse(doctor, "not every manifest could be read yet");
	if (engine->unread_text)
		return refuse(doctor, engine->unread_text);
	doctor->settle_until_ms = loop_now_ms(engine->loop) + SETTLE_MAX_MS;
	relist_all(engine);
	settle(doctor);
}

static void on_second_look(struct doctor *doctor)
{
	struct orphan *orphan;

	find_orphans(doctor);
	map_for_each(orphan, &doctor->orphans, node)
		if (!orphan->thing)
			doctor_orphan_free(doctor, orphan);
	if (doctor->fix && doctor->orphans.count)
		take_away(doctor);
	else
		doctor_report(doctor);
}

static void suspect(struct doctor *doctor, const struct host_thing *thing, char *why)
{
	struct orphan *orphan = xnew(struct orphan);

	orphan->key = doctor_orphan_key(thing);
	orphan->kind = thing->kind;
	orphan->name = xstrdup(thing->name);
	orphan->why = why;
	if (!map_insert(&doctor->orphans, &orphan->node, orphan->key)) {
		free(orphan->key);
		free(orphan->name);
		free(orphan->why);
		free(orphan);
	}
}

void doctor_begin_orphans(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->things.n; i++) {
		AUTO_FREE char *owner = NULL;
		char *why;

		if (!(doctor->kinds & 1U << doctor->things.items[i].kind))
			continue;
		if (doctor_judge(doctor->engine, &doctor->things.items[i], &owner, &why) ==
		    STANDING_ORPHAN)
			suspect(doctor, &doctor->things.items[i], why);
		else
			free(why);
	}
	if (doctor->orphans.count)
		doctor_look(doctor, on_second_look);
	else
		doctor_report(doctor);
}

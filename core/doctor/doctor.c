/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor_private.h"

#include <errno.h>

#include "core/config/host_advice.h"
#include "core/driver/cgroup.h"
#include "core/network/filter.h"
#include "core/network/ways.h"
#include "core/passage/passage.h"

enum {
	CHECKS_LIMIT_MS = 10 * 1000, /* a program is asked for its version, the rest is files */
	WAYS_LIMIT_MS = 3 * 1000,    /* a look at routes and switches takes some milliseconds, a
					packet that is lost twice takes half a second */
	SEAMS = 3,
};

void doctor_orphan_free(struct doctor *doctor, struct orphan *orphan)
{
	map_remove(&doctor->orphans, &orphan->node);
	free(orphan->key);
	free(orphan->name);
	free(orphan->why);
	free(orphan->failure);
	free(orphan);
}

static void stop_checking(struct doctor *doctor)
{
	struct checking *checking = take_ptr(doctor->checking);

	if (!checking)
		return;
	checking->doctor = NULL;
	loop_leave_behind(doctor->engine->loop, &checking->work);
}

void doctor_end(struct doctor *doctor, int status, const struct error *err)
{
	struct engine *engine = doctor->engine;
	struct orphan *orphan;

	timer_stop(&doctor->timer);
	progress_leave(&doctor->awaited.progress);
	stop_checking(doctor);
	map_for_each(orphan, &doctor->orphans, node)
		doctor_orphan_free(doctor, orphan);
	host_things_fini(&doctor->things);
	host_checks_fini(&doctor->checks);
	manager_notes_fini(&doctor->notes);
	call_complete(doctor->call, status, err);
	list_remove(&doctor->link);
	free(doctor);
	pending_end(&engine->under_way);
}

bool doctor_ended(struct doctor *doctor)
{
	struct error err;

	if (!doctor->engine->closing)
		return false;
	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	doctor_end(doctor, err.code, &err);
	return true;
}

void doctor_stop_waiting(struct engine *engine)
{
	struct doctor *doctor;

	list_for_each(doctor, &engine->doctors, link)
		if (timer_active(&doctor->timer))
			doctor_ended(doctor);
}

/* ---- what goes on meanwhile ---- */

static void await_ends(struct doctor *doctor)
{
	timer_stop(&doctor->timer);
	progress_leave(&doctor->awaited.progress);
	if (!doctor_ended(doctor))
		doctor->awaited.then(doctor);
}

static void on_await_late(struct timer *timer)
{
	await_ends(container_of(timer, struct doctor, timer));
}

static void on_progress(struct progress_waiter *waiter)
{
	struct doctor *doctor = container_of(waiter, struct doctor, awaited.progress);

	if (doctor->engine->closing || doctor->awaited.is_over(doctor->engine))
		await_ends(doctor);
	else
		progress_await(&doctor->engine->progress, waiter, on_progress);
}

void doctor_await(struct doctor *doctor, bool (*is_over)(const struct engine *engine),
		  uint64_t until_ms, void (*then)(struct doctor *doctor))
{
	struct engine *engine = doctor->engine;

	doctor->awaited.is_over = is_over;
	doctor->awaited.then = then;
	timer_start_at(engine->loop, &doctor->timer, until_ms, on_await_late);
	progress_await(&engine->progress, &doctor->awaited.progress, on_progress);
	progress_made(&engine->progress); /* it may be over already */
}

char *doctor_orphan_key(const struct host_thing *thing)
{
	return xasprintf("%02d %s", thing->kind, thing->name);
}

/* ---- one look at everything ---- */

static void look_on(struct doctor *doctor);

static void on_inventory(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (doctor_ended(doctor))
		return;
	if (call->status < 0 && !doctor->gap.code)
		doctor->gap = call->err;
	look_on(doctor);
}

/* The network comes last: what it names is on record longer than what the others name. */
static void look_on(struct doctor *doctor)
{
	struct engine *engine = doctor->engine;
	struct call *call = &doctor->sub;

	if (doctor->seam == SEAMS)
		return doctor->looked(doctor);
	call_init(call, engine->loop, on_inventory);
	switch (doctor->seam++) {
	case 0:
		engine->cgroup->ops->inventory(engine->cgroup, &doctor->things, call);
		return;
	case 1:
		if (engine->runtime_up)
			engine->runtime->ops->inventory(engine->runtime, &doctor->things, call);
		else
			call_complete(call, -ECONNREFUSED, &engine->runtime_problem);
		return;
	default:
		engine->network->ops->inventory(engine->network, &doctor->things, call);
	}
}

void doctor_look(struct doctor *doctor, void (*looked)(struct doctor *doctor))
{
	host_things_fini(&doctor->things);
	doctor->gap = (struct error){ 0 };
	doctor->seam = 0;
	doctor->looked = looked;
	look_on(doctor);
}

/* ---- the examination ---- */

static void run_checks(struct work *work)
{
	struct checking *checking = container_of(work, struct checking, work);

	if (!checking->config)
		return;
	host_checks_make(checking->config, &checking->checks);
	host_advice_make(checking->config, true, &checking->checks);
}

/* What is told of routes, switches and packets is not older than what they are. */
static bool ways_are_known(const struct engine *engine)
{
	return !engine->relisted.network || (!ways_are_stale(engine) && !passage_is_stale(engine));
}

static void check_ways(struct doctor *doctor)
{
	doctor_check_ranges(doctor);
	doctor_check_forwarding(doctor);
	doctor_check_passage(doctor);
	doctor_look(doctor, doctor_begin_orphans);
}

static void look_at_ways(struct doctor *doctor)
{
	if (doctor->fix)
		ways_fix(doctor->engine);
	else
		ways_mark_switches_stale(doctor->engine);
	filter_mark_stale(doctor->engine);
	if (doctor->config)
		passage_ask(doctor->engine);
	else
		passage_mark_stale(doctor->engine); /* not all that is in the way tells of itself */
	doctor_await(doctor, ways_are_known, loop_now_ms(doctor->engine->loop) + WAYS_LIMIT_MS,
		     check_ways);
}

/* ---- other managers of the packet filter ---- */

static void on_managers(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (doctor_ended(doctor))
		return;
	doctor_check_managers(doctor);
	if (doctor->only_managers)
		doctor_report(doctor);
	else
		look_at_ways(doctor);
}

static void ask_managers(struct doctor *doctor)
{
	struct engine *engine = doctor->engine;
	struct call *call = &doctor->sub;

	call_init(call, engine->loop, on_managers);
	if (engine->managers && (doctor->config || doctor->only_managers))
		engine->managers->ops->examine(engine->managers,
					       doctor->fix || doctor->only_managers, &doctor->notes,
					       call);
	else
		call_complete(call, 0, NULL);
}

static void checked(struct doctor *doctor)
{
	if (doctor_ended(doctor))
		return;
	doctor_check_containerd(doctor);
	doctor_check_filesystems(doctor);
	ask_managers(doctor); /* first: packets may pass after that */
}

static void on_checks(struct work *work)
{
	struct checking *checking = container_of(work, struct checking, work);
	struct doctor *doctor = checking->doctor;

	if (doctor) {
		timer_stop(&doctor->timer);
		doctor->checking = NULL;
		doctor->checks = checking->checks;
		checking->checks = (struct host_checks){ 0 };
	}
	host_checks_fini(&checking->checks);
	free(checking);
	if (doctor)
		checked(doctor);
}

static void on_checks_late(struct timer *timer)
{
	struct doctor *doctor = container_of(timer, struct doctor, timer);

	stop_checking(doctor);
	host_checks_add(&doctor->checks, "checks", API__HOST_CHECK__RESULT__RESULT_FAILED,
			xasprintf("what the host lacks could not be found out within %d s: a "
				  "directory of PATH, the CNI plugins or /etc/resolv.conf does not "
				  "answer",
				  CHECKS_LIMIT_MS / 1000),
			xstrdup("bring back the filesystem that it lies on"));
	checked(doctor);
}

static void start_checks(struct doctor *doctor)
{
	struct checking *checking = xnew(struct checking);

	checking->doctor = doctor;
	checking->config = doctor->config;
	doctor->checking = checking;
	loop_work_apart(doctor->engine->loop, &checking->work, run_checks, on_checks);
	timer_start(doctor->engine->loop, &doctor->timer, CHECKS_LIMIT_MS, on_checks_late);
}

void doctor_examine(struct engine *engine, const struct doctor_options *options,
		    Api__DoctorResponse **ret_reply, struct call *call)
{
	struct doctor *doctor = xnew(struct doctor);

	doctor->engine = engine;
	doctor->config = options->config;
	doctor->fix = options->fix;
	doctor->only_managers = options->only_managers;
	doctor->kinds = options->kinds ? options->kinds : ~0U;
	doctor->ret_reply = ret_reply;
	doctor->call = call;
	list_append(&engine->doctors, &doctor->link);
	pending_begin(&engine->under_way);
	if (doctor->only_managers)
		ask_managers(doctor);
	else
		start_checks(doctor);
}

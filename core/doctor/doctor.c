/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor.h"

#include <errno.h>

#include "core/base/aside.h"
#include "core/base/log.h"
#include "core/config/host_advice.h"
#include "core/config/host_checks.h"
#include "core/driver/cgroup.h"
#include "core/network/filter.h"
#include "core/network/passage.h"
#include "core/network/ways.h"
#include "core/plan/plan_context.h"
#include "core/reconcile/look.h"
#include "core/reconcile/reconcile.h"

enum {
	CHECKS_LIMIT_MS = 10 * 1000, /* a program is asked for its version, the rest is files */
	WAYS_LIMIT_MS = 3 * 1000,    /* a look at routes and switches takes some milliseconds, a
					packet that is lost twice takes half a second */
	SETTLE_CHECK_MS = 50,
	SETTLE_LOOK_MS = 250,      /* between two looks at what the engine takes down */
	SETTLE_MAX_MS = 45 * 1000, /* a container's grace, and some time to kill it */
	OBJECTS_MAX = 50 * 1000,   /* in one message */
	SEAMS = 3,
};

/* One that was nobody's in the looks so far. */
struct orphan {
	struct map_node node; /* struct doctor.orphans, by key */
	char *key;            /* "<number of the kind> <name>": ordered as it is to be taken away */
	struct host_thing *thing; /* in the latest look; NULL: not in it, or somebody's by now */
	enum host_kind kind;
	char *name, *why;
	char *failure; /* of the attempt to take it away */
	bool tried;
};

/* The checks of the host, a thread's while they run. They look into directories that the
 * configuration and PATH name, and need not come back. */
struct checking {
	struct work work;
	const Api__Config *config;
	struct host_checks checks;
	struct doctor *doctor; /* NULL: nobody waits any more */
};

struct doctor {
	struct list link; /* struct engine.doctors */
	struct engine *engine;
	const Api__Config *config;
	bool fix, only_managers;
	unsigned kinds;
	struct call *call;
	Api__DoctorResponse **ret_reply;

	struct checking *checking; /* under way */
	struct host_checks checks;

	struct call sub;
	struct manager_notes notes;
	struct host_things things; /* of the latest look */
	struct error gap;          /* why that is incomplete; code 0: it is complete */
	unsigned seam;
	void (*looked)(struct doctor *doctor);

	struct map orphans; /* struct orphan.node */
	struct orphan *trying;
	struct timer timer;
	uint64_t settle_until_ms, ways_until_ms;
};

static void orphan_free(struct doctor *doctor, struct orphan *orphan)
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

/* Frees it; the last one lets a closing engine go on. */
static void end(struct doctor *doctor, int status, const struct error *err)
{
	struct engine *engine = doctor->engine;
	struct orphan *orphan;

	timer_stop(&doctor->timer);
	stop_checking(doctor);
	map_for_each(orphan, &doctor->orphans, node)
		orphan_free(doctor, orphan);
	host_things_fini(&doctor->things);
	host_checks_fini(&doctor->checks);
	manager_notes_fini(&doctor->notes);
	call_complete(doctor->call, status, err);
	list_remove(&doctor->link);
	free(doctor);
	pending_end(&engine->under_way);
}

static bool ended(struct doctor *doctor)
{
	struct error err;

	if (!doctor->engine->closing)
		return false;
	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	end(doctor, err.code, &err);
	return true;
}

void doctor_stop_waiting(struct engine *engine)
{
	struct doctor *doctor;

	list_for_each(doctor, &engine->doctors, link)
		if (timer_active(&doctor->timer))
			ended(doctor);
}

/* ---- one look at everything ---- */

static void look_on(struct doctor *doctor);

static void on_inventory(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (ended(doctor))
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

static void look(struct doctor *doctor, void (*looked)(struct doctor *doctor))
{
	host_things_fini(&doctor->things);
	doctor->gap = (struct error){ 0 };
	doctor->seam = 0;
	doctor->looked = looked;
	look_on(doctor);
}

static enum standing judge(struct doctor *doctor, const struct host_thing *thing)
{
	AUTO_FREE char *owner = NULL;
	AUTO_FREE char *message = NULL;

	return doctor_judge(doctor->engine, thing, &owner, &message);
}

static char *orphan_key(const struct host_thing *thing)
{
	return xasprintf("%02d %s", thing->kind, thing->name);
}

/* Which of the orphans the latest look has, as nobody's. */
static void find_orphans(struct doctor *doctor)
{
	struct orphan *orphan;

	map_for_each(orphan, &doctor->orphans, node)
		orphan->thing = NULL;
	for (size_t i = 0; i < doctor->things.n; i++) {
		struct host_thing *thing = &doctor->things.items[i];
		AUTO_FREE char *key = orphan_key(thing);

		orphan = map_entry(map_find(&doctor->orphans, key), struct orphan, node);
		if (orphan && judge(doctor, thing) == STANDING_ORPHAN)
			orphan->thing = thing;
	}
}

/* ---- the report ---- */

static Api__HostObject *new_object(enum host_kind kind, const char *name)
{
	Api__HostObject *object = xnew(Api__HostObject);

	api__host_object__init(object);
	object->has_kind = true;
	object->kind = (Api__HostKind)(API__HOST_KIND__HOST_KIND_SHIM + (int)kind);
	object->name = xstrdup(name);
	object->has_orphan = object->has_fixed = true;
	return object;
}

static Api__HostObject *render(struct doctor *doctor, const struct host_thing *thing)
{
	Api__HostObject *object = new_object(thing->kind, thing->name);
	AUTO_FREE char *key = orphan_key(thing);
	struct orphan *orphan = map_entry(map_find(&doctor->orphans, key), struct orphan, node);

	if (doctor_judge(doctor->engine, thing, &object->owner, &object->message) !=
	    STANDING_ORPHAN)
		return object;
	object->orphan = orphan != NULL; /* else it came just now: the next look will tell */
	if (orphan && orphan->failure) {
		free(object->message);
		object->message = xstrdup(orphan->failure);
	}
	return object;
}

static int compare_objects(const void *a, const void *b)
{
	const Api__HostObject *x = *(Api__HostObject *const *)a, *y = *(Api__HostObject *const *)b;
	int kinds = strcmp(naming_of_number(&api__host_kind__descriptor, (int)x->kind).text,
			   naming_of_number(&api__host_kind__descriptor, (int)y->kind).text);

	return kinds ? kinds : strcmp(x->name, y->name);
}

static bool is_listed(const struct doctor *doctor, const struct orphan *orphan)
{
	for (size_t i = 0; i < doctor->things.n; i++)
		if (doctor->things.items[i].kind == orphan->kind &&
		    str_equal(doctor->things.items[i].name, orphan->name))
			return true;
	return false;
}

static Api__DoctorResponse *make_reply(struct doctor *doctor)
{
	Api__DoctorResponse *reply = xnew(Api__DoctorResponse);
	struct orphan *orphan;

	api__doctor_response__init(reply);
	reply->objects =
		xcalloc(doctor->things.n + doctor->orphans.count + 1, sizeof(*reply->objects));
	for (size_t i = 0; i < doctor->things.n && i < OBJECTS_MAX; i++)
		reply->objects[reply->n_objects++] = render(doctor, &doctor->things.items[i]);
	map_for_each(orphan, &doctor->orphans, node) {
		Api__HostObject *object;

		if (!doctor->fix || is_listed(doctor, orphan))
			continue;
		object = new_object(orphan->kind, orphan->name);
		object->fixed = true;
		object->message = xstrdup(orphan->why);
		reply->objects[reply->n_objects++] = object;
		log_info("doctor: taken away %s %s: %s", host_kind_name(orphan->kind), object->name,
			 orphan->why);
	}
	qsort(reply->objects, reply->n_objects, sizeof(*reply->objects), compare_objects);
	return reply;
}

static void report(struct doctor *doctor)
{
	Api__DoctorResponse *reply = make_reply(doctor);

	if (doctor->gap.code)
		host_checks_add(&doctor->checks, "inventory",
				API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("not everything could be looked at: %s", doctor->gap.msg),
				xstrdup("mend what is named there, then ask again"));
	else if (doctor->things.n > OBJECTS_MAX)
		host_checks_add(
			&doctor->checks, "inventory", API__HOST_CHECK__RESULT__RESULT_FAILED,
			xasprintf("%zu objects: only %d are shown", doctor->things.n, OBJECTS_MAX),
			xstrdup("take away what is not used"));
	host_checks_take(&doctor->checks, &reply->checks, &reply->n_checks);
	*doctor->ret_reply = reply;
	end(doctor, 0, NULL);
}

/* ---- taking away ---- */

static void on_last_look(struct doctor *doctor)
{
	find_orphans(doctor);
	report(doctor);
}

static void discard_next(struct doctor *doctor);

static void on_discarded(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (call->status < 0)
		doctor->trying->failure = xstrdup(call->err.msg);
	if (!ended(doctor))
		discard_next(doctor);
}

static void discard(struct doctor *doctor, const struct host_thing *thing)
{
	struct engine *engine = doctor->engine;
	struct call *call = &doctor->sub;

	call_init(call, engine->loop, on_discarded);
	if (thing->kind <= HOST_LEASE)
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
	look(doctor, on_last_look);
}

/* ---- what a key tells of: the engine's to take down ---- */

static void on_settle(struct timer *timer);

static bool something_goes(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->things.n; i++) {
		AUTO_FREE char *key = orphan_key(&doctor->things.items[i]);

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
		report(doctor);
	else
		discard_next(doctor);
}

static void on_settle(struct timer *timer)
{
	struct doctor *doctor = container_of(timer, struct doctor, timer);
	struct engine *engine = doctor->engine;

	if ((!list_empty(&engine->looks) || !list_empty(&engine->runs) ||
	     timer_active(&engine->network_again.timer)) &&
	    loop_now_ms(engine->loop) < doctor->settle_until_ms)
		timer_start(engine->loop, timer, SETTLE_CHECK_MS, on_settle);
	else
		look(doctor, on_settle_look);
}

static void refuse(struct doctor *doctor, const char *why)
{
	struct orphan *orphan;

	map_for_each(orphan, &doctor->orphans, node)
		orphan->failure = xasprintf("%s; not taken away: %s", orphan->why, why);
	report(doctor);
}

static void take_away(struct doctor *doctor)
{
	struct engine *engine = doctor->engine;
	struct plan_context context = plan_context_of(engine);

	if (doctor->gap.code)
		return refuse(doctor, doctor->gap.msg);
	if (!context.looked)
		return refuse(doctor, "not everything has been looked at yet");
	if (context.look_problem)
		return refuse(doctor, context.look_problem);
	if (!context.may_delete)
		return refuse(doctor, "not every manifest could be read yet");
	if (engine->unread_text)
		return refuse(doctor, engine->unread_text);
	doctor->settle_until_ms = loop_now_ms(engine->loop) + SETTLE_MAX_MS;
	look_everything(engine);
	timer_start(engine->loop, &doctor->timer, SETTLE_CHECK_MS, on_settle);
}

/* ---- the examination ---- */

static void on_second_look(struct doctor *doctor)
{
	struct orphan *orphan;

	find_orphans(doctor);
	map_for_each(orphan, &doctor->orphans, node)
		if (!orphan->thing)
			orphan_free(doctor, orphan);
	if (doctor->fix && doctor->orphans.count)
		take_away(doctor);
	else
		report(doctor);
}

static void suspect(struct doctor *doctor, const struct host_thing *thing, char *why)
{
	struct orphan *orphan = xnew(struct orphan);

	orphan->key = orphan_key(thing);
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

static void on_first_look(struct doctor *doctor)
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
		look(doctor, on_second_look);
	else
		report(doctor);
}

static void run_checks(struct work *work)
{
	struct checking *checking = container_of(work, struct checking, work);

	if (!checking->config)
		return;
	host_checks_make(checking->config, &checking->checks);
	host_advice_make(checking->config, true, &checking->checks);
}

/* Cells say what they wait for; here stands what is to be mended. */
static void check_filesystems(struct doctor *doctor)
{
	struct aside_place *places;
	size_t n = aside_places(&places);

	for (size_t i = 0; i < n; i++)
		host_checks_add(
			&doctor->checks, "filesystems", API__HOST_CHECK__RESULT__RESULT_FAILED,
			xasprintf("%s has not answered since %s", places[i].where, places[i].since),
			xstrdup("bring back its server or program, or take it away: umount "
				"-f -l"));
	aside_places_free(places, n);
}

/* The spaces say so too. */
static void check_ranges(struct doctor *doctor)
{
	const struct object *object;
	size_t n = 0;

	map_for_each(object, &doctor->engine->objects, node) {
		if (object->kind != KIND_SPACE || !object->own.overlap)
			continue;
		n++;
		host_checks_add(&doctor->checks, "ranges", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("space %s: %s", object->key, object->own.overlap),
				xstrdup("find whose route that is: ip route show table all; kuke "
					"doctor --fix does not take it away"));
	}
	if (!n)
		host_checks_add(&doctor->checks, "ranges", API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("no route of others leads into a space"), NULL);
}

/* Whether what other chains say matters is known when packets were tried: what they were told then
 * is said, and not what might be. */
static void leave_out_guesses(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;

	if (!engine->passage->impossible && passage_is_known(engine))
		host_checks_remove(&doctor->checks, HOST_ADVICE_FORWARD);
}

static void check_space_passage(struct doctor *doctor, const struct object *space)
{
	const struct space_passage *known = &space->own.passage;

	if (known->blocked)
		host_checks_add(&doctor->checks, "traffic", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("space %s: %s", space->key, known->blocked),
				xstrdup(known->remedy));
	if (known->shut)
		host_checks_add(&doctor->checks, "traffic", API__HOST_CHECK__RESULT__RESULT_WARNING,
				xasprintf("space %s: %s", space->key, known->shut),
				xasprintf("where cells need a service of the host: %s",
					  known->shut_remedy));
}

/* The spaces say so too. */
static void check_passage(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;
	const struct object *object;
	size_t n = 0;

	leave_out_guesses(doctor);
	map_for_each(object, &engine->objects, node) {
		if (object->kind != KIND_SPACE)
			continue;
		check_space_passage(doctor, object);
		n += object->own.passage.blocked || object->own.passage.shut;
	}
	if (engine->passage->impossible)
		host_checks_add(&doctor->checks, "traffic", API__HOST_CHECK__RESULT__RESULT_PASSED,
				xasprintf("the self-test is not possible here: %s",
					  engine->passage->impossible),
				NULL);
	else if (!n && passage_is_known(engine))
		host_checks_add(&doctor->checks, "traffic", API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("packets of every space come through"), NULL);
}

/* What is off is on by now, if it could be, when that was asked for: see wait_for_ways(). */
static void check_forwarding(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;
	static const char name[] = "IP forwarding";

	if (engine->ways->off)
		host_checks_add(&doctor->checks, name, API__HOST_CHECK__RESULT__RESULT_FAILED,
				xstrdup(engine->ways->off),
				xstrdup(doctor->fix ? "mend what keeps it from being turned on"
						    : "kuke doctor --fix"));
	else if (engine->bridges.count || engine->ways->forwards)
		host_checks_add(&doctor->checks, name, API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("on"), NULL);
	else
		host_checks_add(&doctor->checks, name, API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("off, and no cell needs it: the first one turns it on"),
				NULL);
}

static void check_containerd(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;
	const char *version = engine->runtime->ops->version(engine->runtime);

	if (engine->runtime_up)
		host_checks_add_containerd(&doctor->checks, version);
	else
		host_checks_add(&doctor->checks, "containerd",
				API__HOST_CHECK__RESULT__RESULT_FAILED,
				xstrdup(engine->runtime_problem.msg),
				xstrdup("start it: systemctl start containerd"));
}

/* What is told of routes, switches and packets is not older than what they are. */
static void wait_for_ways(struct timer *timer)
{
	struct doctor *doctor = container_of(timer, struct doctor, timer);
	struct loop *loop = doctor->engine->loop;

	if (ended(doctor))
		return;
	if ((ways_are_doubted(doctor->engine) || passage_is_doubted(doctor->engine)) &&
	    doctor->engine->looked.network && loop_now_ms(loop) < doctor->ways_until_ms) {
		timer_start(loop, timer, SETTLE_CHECK_MS, wait_for_ways);
		return;
	}
	check_ranges(doctor);
	check_forwarding(doctor);
	check_passage(doctor);
	look(doctor, on_first_look);
}

static void look_at_ways(struct doctor *doctor)
{
	if (doctor->fix)
		ways_fix(doctor->engine);
	else
		ways_doubt_switches(doctor->engine);
	filter_doubt(doctor->engine);
	if (doctor->config)
		passage_ask(doctor->engine);
	else
		passage_doubt(doctor->engine); /* not all that is in the way tells of itself */
	doctor->ways_until_ms = loop_now_ms(doctor->engine->loop) + WAYS_LIMIT_MS;
	wait_for_ways(&doctor->timer);
}

/* ---- other managers of the packet filter ---- */

static void check_managers(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->notes.n; i++) {
		struct manager_note *note = &doctor->notes.items[i];

		host_checks_add(&doctor->checks, note->name,
				note->remedy ? API__HOST_CHECK__RESULT__RESULT_WARNING
					     : API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup(note->message), xstrdup_maybe(note->remedy));
	}
}

static void on_managers(struct call *call)
{
	struct doctor *doctor = container_of(call, struct doctor, sub);

	if (ended(doctor))
		return;
	check_managers(doctor);
	if (doctor->only_managers)
		report(doctor);
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
					       doctor->fix || doctor->only_managers,
					       &doctor->notes, call);
	else
		call_complete(call, 0, NULL);
}

static void checked(struct doctor *doctor)
{
	if (ended(doctor))
		return;
	check_containerd(doctor);
	check_filesystems(doctor);
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

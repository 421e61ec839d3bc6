/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor_private.h"

#include "core/aside/aside.h"
#include "core/config/host_advice.h"
#include "core/network/ways.h"
#include "core/passage/passage.h"

void doctor_check_filesystems(struct doctor *doctor)
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

void doctor_check_ranges(struct doctor *doctor)
{
	const struct object *object;
	size_t n = 0;

	map_for_each(object, &doctor->engine->spaces, space_node) {
		if (!object->backing.overlap)
			continue;
		n++;
		host_checks_add(&doctor->checks, "ranges", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("space %s: %s", object->key, object->backing.overlap),
				xstrdup("find whose route that is: ip route show table all; kuke "
					"doctor --fix does not take it away"));
	}
	if (!n)
		host_checks_add(&doctor->checks, "ranges", API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("no route of others leads into a space"), NULL);
}

void doctor_leave_out_guesses(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;

	if (!engine->passage->impossible && passage_is_known(engine))
		host_checks_remove(&doctor->checks, HOST_ADVICE_FORWARD);
}

static void check_space_passage(struct doctor *doctor, const struct object *space)
{
	const struct space_passage *known = &space->backing.passage;

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

void doctor_check_passage(struct doctor *doctor)
{
	const struct engine *engine = doctor->engine;
	const struct object *object;
	size_t n = 0;

	doctor_leave_out_guesses(doctor);
	map_for_each(object, &engine->spaces, space_node) {
		check_space_passage(doctor, object);
		n += object->backing.passage.blocked || object->backing.passage.shut;
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

void doctor_check_forwarding(struct doctor *doctor)
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

void doctor_check_containerd(struct doctor *doctor)
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

void doctor_check_managers(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->notes.n; i++) {
		struct manager_note *note = &doctor->notes.items[i];

		host_checks_add(&doctor->checks, note->name,
				note->remedy ? API__HOST_CHECK__RESULT__RESULT_WARNING
					     : API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup(note->message), xstrdup_maybe(note->remedy));
	}
}

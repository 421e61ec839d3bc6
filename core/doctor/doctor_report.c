/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor_private.h"

#include "core/base/log.h"
#include "core/base/util.h"
#include "core/model/naming.h"

enum { OBJECTS_MAX = 50 * 1000 }; /* in one message */

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
	AUTO_FREE char *key = doctor_orphan_key(thing);
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

void doctor_report(struct doctor *doctor)
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
	doctor_end(doctor, 0, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What of a space its cells wait for. */
#include "core/state/object.h"

#include <errno.h>

char *object_filter_text(const char *bridge, const char *subnet, const char *subnet6, bool denies)
{
	return xasprintf("%s %s%s%s%s", bridge ? bridge : "", subnet ? subnet : "",
			 subnet6 ? " " : "", subnet6 ? subnet6 : "", denies ? " deny" : "");
}

bool object_denies_egress(const struct object *space)
{
	const Api__SpaceSpec *spec = space->spec ? ((const Api__Space *)space->spec)->spec : NULL;

	return !spec || (spec->network && model_egress_denies(spec->network->egress));
}

bool object_is_filtered(const struct object *space)
{
	const struct space_fact *fact = &space->backing.space;
	AUTO_FREE char *text = object_filter_text(fact->bridge, fact->subnet, fact->subnet6,
						  object_denies_egress(space));

	return str_equal(space->backing.filtered, text);
}

bool object_is_routed(const struct object *space)
{
	const struct space_fact *fact = &space->backing.space;
	AUTO_FREE char *text = object_filter_text(fact->bridge, fact->subnet, fact->subnet6, false);

	return str_equal(space->backing.routed, text);
}

/* One that has an address there already is not better off without it: its neighbours reach it. */
bool object_refuses_new(const struct object *space, const char *last_ip)
{
	return space->backing.unreachable && !last_ip;
}

bool object_refuses_ranges(const struct object *space)
{
	const struct slot *slot = &space->backing.slot;

	return slot->failures && slot->failed_action == ACTION_SPACE_ENSURE &&
	       slot->failure_code == -EBUSY;
}

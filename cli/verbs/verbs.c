/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs/verbs.h"

#include <errno.h>

#include "cli/args/foreign.h"
#include "core/base/str.h"

/* clang-format off */
const struct verb *const verbs[] = {
	&verb_init,
	&verb_apply,
	&verb_validate,
	&verb_create,
	&verb_get,
	&verb_status,
	&verb_events,
	&verb_wait,
	&verb_start,
	&verb_stop,
	&verb_kill,
	&verb_restart,
	&verb_delete,
	&verb_prune,
	&verb_refresh,
	&verb_doctor,
	&verb_uninstall,
	&verb_completion,
	&verb_version,
	&verb_help,
	&verb_complete,
};
/* clang-format on */
const size_t n_verbs = ARRAY_SIZE(verbs);

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < n_verbs; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

enum cli_exit verb_unknown(const char *name, struct error *err)
{
	const char *names[ARRAY_SIZE(verbs)];
	AUTO_FREE char *foreign = foreign_find(name);
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i]->hidden)
			names[n++] = verbs[i]->name;
	}
	nearest = str_nearest(name, names, n);
	if (foreign)
		error_set(err, -EINVAL, "unknown verb \"%s\": %s", name, foreign);
	else if (nearest)
		error_set(err, -EINVAL, "unknown verb \"%s\", did you mean \"%s\"?", name, nearest);
	else
		error_set(err, -EINVAL, "unknown verb \"%s\"", name);
	return CLI_USAGE;
}

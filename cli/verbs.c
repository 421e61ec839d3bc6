/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <errno.h>

#include "core/base/str.h"

const struct verb *const verbs[] = {
	&verb_init,
	&verb_get,
	&verb_status,
	&verb_version,
	&verb_uninstall,
	&verb_help,
};
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
	const char *nearest;

	for (size_t i = 0; i < n_verbs; i++)
		names[i] = verbs[i]->name;
	nearest = str_nearest(name, names, n_verbs);
	if (nearest)
		error_set(err, -EINVAL, "unknown verb \"%s\", did you mean \"%s\"?", name, nearest);
	else
		error_set(err, -EINVAL, "unknown verb \"%s\"", name);
	return CLI_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/args/foreign.h"
#include "cli/cli.h"
#include "core/base/str.h"

const struct verb *const *verbs;
size_t n_verbs;

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < n_verbs; i++) {
		if (strcmp(verbs[i]->name, name) == 0 || str_equal(verbs[i]->alias, name))
			return verbs[i];
	}
	return NULL;
}

enum cli_exit verb_unknown(const char *name, struct error *err)
{
	AUTO_FREE const char **names = xcalloc(n_verbs, sizeof(*names));
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

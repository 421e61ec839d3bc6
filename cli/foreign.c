/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/foreign.h"

#include "core/base/str.h"

enum { VERBS_MAX = 4 };

static const struct {
	const char *theirs[VERBS_MAX];
	const char *ours;
} rows[] = {
	{ { "ps", "ls", "list" }, "kuke get containers" },
	{ { "describe", "inspect", "show" }, "kuke get KIND NAME -o yaml" },
	{ { "edit" }, "kuke get KIND NAME -o yaml >FILE; kuke apply -f FILE" },
	{ { "run" }, "kuke create container NAME --cell CELL --image IMAGE" },
	{ { "rm", "remove" }, "kuke delete KIND NAME" },
	{ { "up" }, "kuke apply -f FILE --wait" },
	{ { "down" }, "kuke delete -f FILE" },
	{ { "pull" }, "ctr -n kukeon-REALM images pull IMAGE" },
	{ { "images" }, "ctr -n kukeon-REALM images ls" },
	{ { "exec" }, "ctr -n kukeon-REALM tasks exec -t --exec-id ID CONTAINERD-ID COMMAND" },
	{ { "rollout", "try-restart" }, "kuke restart cell NAME --wait" },
	{ { "reload", "daemon-reload" }, "kuke refresh" },
	{ { "info", "top", "stats" }, "kuke status" },
};

const char *foreign_find(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < VERBS_MAX && rows[i].theirs[k]; k++)
			if (str_equal(rows[i].theirs[k], verb))
				return rows[i].ours;
	return NULL;
}

void foreign_print(FILE *out)
{
	fprintf(out, "| elsewhere | here |\n|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fprintf(out, "| ");
		for (size_t k = 0; k < VERBS_MAX && rows[i].theirs[k]; k++)
			fprintf(out, "%s`%s`", k ? ", " : "", rows[i].theirs[k]);
		fprintf(out, " | `%s` |\n", rows[i].ours);
	}
}

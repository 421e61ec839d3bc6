/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/foreign.h"

#include "core/base/str.h"

enum { VERBS_MAX = 6 };

/* Where there is nothing of the kind, the note says what to do instead. */
static const struct {
	const char *theirs[VERBS_MAX];
	const char *ours, *note;
} rows[] = {
	{ { "ps", "ls", "list", "container", "containers", "pods" }, "kuke get containers", NULL },
	{ { "describe", "inspect", "show" }, "kuke get KIND NAME -o yaml", NULL },
	{ { "attach" }, "kuke log CELL -f", NULL },
	{ { "edit" }, "kuke get KIND NAME -o yaml >FILE; kuke apply -f FILE", NULL },
	{ { "replace", "patch", "set", "label", "annotate", "update" },
	  "kuke apply -f FILE",
	  NULL },
	{ { "diff" }, "kuke apply -f FILE --dry-run", NULL },
	{ { "run" }, "kuke create container NAME --cell CELL --image IMAGE", NULL },
	{ { "rm", "remove" }, "kuke delete KIND NAME", NULL },
	{ { "rename" }, NULL, "apply it under its new name, then delete the old one" },
	{ { "up", "compose" }, "kuke apply -f FILE --wait", NULL },
	{ { "down" }, "kuke delete -f FILE", NULL },
	{ { "scale", "autoscale" },
	  NULL,
	  "a cell is one of its kind: declare as many as there shall be" },
	{ { "pull" }, "kuke image pull IMAGE", NULL },
	{ { "images" }, "kuke image list", NULL },
	{ { "tag", "rmi", "load", "import", "save" }, "kuke image tag|remove|load|save", NULL },
	{ { "push" }, "ctr -n kukeon-REALM images push", NULL },
	{ { "build" }, "kuke image load -f FILE", "an image is built by another program" },
	{ { "pause", "unpause" }, "ctr -n kukeon-REALM tasks pause|resume CONTAINERD-ID", NULL },
	{ { "cp" }, NULL, "mount a directory of the host: \"volumes\" of a container" },
	{ { "port-forward", "expose", "port" }, NULL, "write \"ports\" into a container" },
	{ { "network", "networks" }, "kuke get spaces", NULL },
	{ { "namespace", "namespaces", "context" }, "kuke get realms", NULL },
	{ { "volume", "volumes" },
	  NULL,
	  "a volume is a path of the host: \"volumes\" of a container" },
	{ { "rollout", "try-restart" }, "kuke restart cell NAME --wait", NULL },
	{ { "enable", "disable" },
	  "kuke start|stop cell NAME",
	  "that is remembered when the host starts again" },
	{ { "is-active", "is-failed" }, "kuke status cell NAME", NULL },
	{ { "watch" }, "kuke get KIND -w", NULL },
	{ { "reload", "daemon-reload" }, "kuke refresh", NULL },
	{ { "explain", "api-resources" }, NULL, "docs/manifests.md has every kind and field" },
	{ { "info", "top", "stats", "system", "cluster-info" }, "kuke status", NULL },
};

char *foreign_find(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < VERBS_MAX && rows[i].theirs[k]; k++) {
			if (!str_equal(rows[i].theirs[k], verb))
				continue;
			if (!rows[i].ours)
				return xasprintf("there is none here: %s", rows[i].note);
			return xasprintf("here it is '%s'%s%s", rows[i].ours,
					 rows[i].note ? "; " : "",
					 rows[i].note ? rows[i].note : "");
		}
	return NULL;
}

/* In a table "|" divides columns. */
static void print_ours(const char *ours, FILE *out)
{
	fputc('`', out);
	for (const char *c = ours; *c; c++)
		fprintf(out, "%s%c", *c == '|' ? "\\" : "", *c);
	fputc('`', out);
}

void foreign_print(FILE *out)
{
	fprintf(out, "| elsewhere | here |\n|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fprintf(out, "| ");
		for (size_t k = 0; k < VERBS_MAX && rows[i].theirs[k]; k++)
			fprintf(out, "%s`%s`", k ? ", " : "", rows[i].theirs[k]);
		fprintf(out, " | ");
		if (rows[i].ours)
			print_ours(rows[i].ours, out);
		fprintf(out, "%s%s |\n", rows[i].ours && rows[i].note ? "; " : "",
			rows[i].note ? rows[i].note : "");
	}
}
